-- Hashes: of what a posting says (a key posted again must say the same), and of a day (the chain over sealed days).
--
-- The first two are inlined where they are called, as no function is that sets its search path or claims to be more
-- immutable than what it calls.

CREATE FUNCTION public.ledger_line_text(code text, currency text, side text, amount numeric)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT concat_ws(' ', code, currency, side, amount::numeric(20, 6)) $$;

-- `lines` are texts of ledger_line_text, sorted: the order in which a caller names the lines is no content.
CREATE FUNCTION public.ledger_content_hash(kind text, order_number text, reverses uuid, lines text[])
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT sha256(convert_to(jsonb_build_array(kind, order_number, reverses, lines)::text, 'UTF8')) $$;

-- Every column of a posting and of its entries, in an order and a spelling that no setting of the session changes.
CREATE FUNCTION public.ledger_posting_digest(posting public.wallet_posting)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        posting.id, posting.organisation_id, posting.key, encode(posting.content_hash, 'hex'), posting.kind,
        posting.order_number, posting.reverses_id, posting.memo, posting.by, posting.posted_at AT TIME ZONE 'UTC',
        posting.business_date,
        (SELECT jsonb_agg(jsonb_build_array(
            entry.id, entry.line, entry.account_id, entry.position, entry.side, entry.currency, entry.amount,
            entry.balance_after) ORDER BY entry.line)
         FROM public.wallet_entry AS entry WHERE entry.posting_id = posting.id)
    )::text, 'UTF8'))
$$;

-- `since` is the sealed day before, or null for the first seal, which holds everything until its day.
CREATE FUNCTION public.ledger_day_hash(previous bytea, since date, day date)
RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT sha256(
        coalesce(previous, ''::bytea) || convert_to(to_char(ledger_day_hash.day, 'YYYY-MM-DD'), 'UTF8')
        || coalesce(string_agg(public.ledger_posting_digest(posting), ''::bytea ORDER BY organisation_id, id), ''::bytea))
    FROM public.wallet_posting AS posting
    WHERE posting.business_date <= ledger_day_hash.day
      AND (ledger_day_hash.since IS NULL OR posting.business_date > ledger_day_hash.since)
$$;
