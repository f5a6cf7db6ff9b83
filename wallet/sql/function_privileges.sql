-- Who may call the ledger's functions: the application's role those that write, and those with which the audit
-- recomputes hashes as they were made; nobody else any.

REVOKE ALL ON FUNCTION
    public.ledger_refuse, public.ledger_check_opening, public.ledger_check_movement, public.ledger_check_sums,
    public.ledger_check_reversals, public.ledger_check_entries, public.ledger_chart, public.ledger_line_text,
    public.ledger_content_hash, public.ledger_posting_digest, public.ledger_day_hash, public.ledger_check_isolation,
    public.ledger_check_moment, public.ledger_day_lock, public.ledger_read_lines, public.ledger_refuse_line,
    public.ledger_read_drafts, public.ledger_write_postings, public.ledger_find_postings, public.ledger_open_accounts,
    public.ledger_lock_accounts, public.ledger_write_entries, public.ledger_post, public.ledger_seal_day FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    public.ledger_post, public.ledger_seal_day, public.ledger_chart, public.ledger_line_text,
    public.ledger_content_hash, public.ledger_posting_digest, public.ledger_day_hash TO %(role)s;
