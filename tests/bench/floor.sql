-- The least that a posting can be: one journal row, two entries, two balances; no rule is kept. In the bench's database only.

CREATE TABLE bench_balance (id uuid PRIMARY KEY, balance numeric(20, 6) NOT NULL);
CREATE TABLE bench_journal (id uuid PRIMARY KEY, key text NOT NULL UNIQUE, posted_at timestamptz NOT NULL);
CREATE TABLE bench_entry (
    id uuid PRIMARY KEY, journal_id uuid NOT NULL REFERENCES bench_journal, account_id uuid NOT NULL REFERENCES bench_balance,
    amount numeric(20, 6) NOT NULL
);
INSERT INTO bench_balance (id, balance)
SELECT ('00000000-0000-7000-8000-00000000' || side || lpad(to_hex(client), 2, '0'))::uuid, 0
FROM unnest(ARRAY['01', '02']) AS side CROSS JOIN generate_series(0, 15) AS client;

CREATE FUNCTION bench_post(journal uuid, key text, at timestamptz, source uuid, target uuid, amount numeric)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
BEGIN
    INSERT INTO bench_journal VALUES (journal, bench_post.key, at);
    INSERT INTO bench_entry
    VALUES (uuidv7(), journal, source, -bench_post.amount), (uuidv7(), journal, target, bench_post.amount);
    UPDATE bench_balance AS account SET balance = account.balance - bench_post.amount WHERE account.id = source;
    UPDATE bench_balance AS account SET balance = account.balance + bench_post.amount WHERE account.id = target;
    RETURN journal;
END
$$;

-- What a posting costs with the ledger's own tables, keys and triggers, where nothing has to be found out: one posting with
-- two lines on accounts that are there, its hash known, no text read, no key met again.
CREATE FUNCTION bench_keep(posting uuid, key text, at timestamptz, organisation uuid, amount numeric, said bytea)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
DECLARE
    spent wallet_account;
    earned wallet_account;
BEGIN
    INSERT INTO wallet_posting (
        id, organisation_id, key, content_hash, kind, order_number, memo, by, posted_at, business_date)
    VALUES (posting, organisation, bench_keep.key, said, 'BENCH', '', '', '', at,
            (at AT TIME ZONE 'Asia/Shanghai')::date);
    SELECT * INTO earned FROM wallet_account AS account
    WHERE account.organisation_id = organisation AND account.code = 'revenue:bench' AND account.currency = 'USD'
    FOR NO KEY UPDATE;
    SELECT * INTO spent FROM wallet_account AS account
    WHERE account.organisation_id = organisation AND account.code = 'wallet' AND account.currency = 'USD'
    FOR NO KEY UPDATE;
    INSERT INTO wallet_entry (
        id, organisation_id, posting_id, line, account_id, position, side, currency, amount, balance_after)
    VALUES (uuidv7(), organisation, posting, 1, spent.id, spent.entry_count + 1, 'DEBIT', 'USD', bench_keep.amount,
            spent.balance - bench_keep.amount),
           (uuidv7(), organisation, posting, 2, earned.id, earned.entry_count + 1, 'CREDIT', 'USD', bench_keep.amount,
            earned.balance + bench_keep.amount);
    UPDATE wallet_account AS account
    SET balance = account.balance - bench_keep.amount, entry_count = account.entry_count + 1 WHERE account.id = spent.id;
    UPDATE wallet_account AS account
    SET balance = account.balance + bench_keep.amount, entry_count = account.entry_count + 1 WHERE account.id = earned.id;
    RETURN posting;
END
$$;
