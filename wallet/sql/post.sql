-- Posting: the one way money moves. Conditions come out as SQLSTATEs of class IP; wallet/ledger.py names them.

CREATE TYPE public.ledger_line AS (
    draft integer, line integer, id uuid, account uuid, code text, currency text, side text, amount numeric
);
CREATE TYPE public.ledger_outcome AS (draft integer, id uuid, key text, is_new boolean);
CREATE TYPE public.ledger_step AS (account uuid, position bigint, balance_after numeric);

-- The lines of all drafts; the first that cannot stand is refused.
CREATE FUNCTION public.ledger_read_lines(drafts jsonb)
RETURNS public.ledger_line[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lines public.ledger_line[];
    wrong record;
BEGIN
    -- A text that is no plain amount becomes null here: no sign, exponent, NaN or seventh decimal comes through.
    SELECT array_agg(ROW(
        d.n, l.n, l.line ->> 'id', l.line ->> 'account', l.line ->> 'code', l.line ->> 'currency', l.line ->> 'side',
        CASE WHEN l.line ->> 'amount' ~ '^[0-9]{1,13}(\.[0-9]{1,6})?$' THEN (l.line ->> 'amount')::numeric END
    )::public.ledger_line ORDER BY d.n, l.n)
    INTO lines
    FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d (draft, n),
         jsonb_array_elements(d.draft -> 'lines') WITH ORDINALITY AS l (line, n);

    SELECT l.code, l.currency, l.side, l.amount, chart.guarded IS NULL AS is_unknown INTO wrong
    FROM unnest(lines) AS l LEFT JOIN LATERAL public.ledger_chart(l.code) AS chart ON true
    WHERE chart.guarded IS NULL OR l.id IS NULL OR l.account IS NULL OR l.amount IS NULL OR l.amount <= 0
       OR l.side IS NULL OR l.side NOT IN ('DEBIT', 'CREDIT') OR l.currency IS NULL OR l.currency !~ '^[A-Z]{3}$'
    LIMIT 1;
    IF wrong.is_unknown THEN
        RAISE EXCEPTION 'no such account code: %', wrong.code
            USING ERRCODE = 'IP005', DETAIL = jsonb_build_object('code', wrong.code)::text;
    ELSIF FOUND THEN
        RAISE EXCEPTION 'a line on % cannot stand', wrong.code
            USING ERRCODE = 'IP006', DETAIL = jsonb_build_object('code', wrong.code)::text;
    END IF;
    RETURN lines;
END
$$;

-- Every draft has lines, and they sum to zero in every currency.
CREATE FUNCTION public.ledger_check_drafts(drafts jsonb, lines public.ledger_line[])
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wrong record;
BEGIN
    SELECT d.draft ->> 'key' AS key, l.currency INTO wrong
    FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d (draft, n) LEFT JOIN unnest(lines) AS l ON l.draft = d.n
    GROUP BY d.n, d.draft, l.currency
    HAVING count(l.line) = 0 OR sum(CASE l.side WHEN 'DEBIT' THEN l.amount ELSE -l.amount END) <> 0
    ORDER BY d.n, l.currency LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'posting % does not sum to zero', wrong.key
            USING ERRCODE = 'IP003', DETAIL = jsonb_build_object('key', wrong.key, 'currency', wrong.currency)::text;
    END IF;
END
$$;

-- One lock number per business day: posting shares it, sealing takes it alone, so that sealing yesterday holds up nobody.
CREATE FUNCTION public.ledger_day_lock(day date)
RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT (hashtext('ledger day')::bigint << 32) | (day - DATE '1970-01-01') $$;

-- Whoever has waited for a lock must see what was committed meanwhile: a seal, a key, a balance. A snapshot of before
-- does not.
CREATE FUNCTION public.ledger_check_isolation()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the ledger is written under READ COMMITTED, not under %', current_setting('transaction_isolation')
            USING ERRCODE = 'IP009',
                  DETAIL = jsonb_build_object('isolation', current_setting('transaction_isolation'))::text;
    END IF;
END
$$;

-- A caller's clock may differ by a day from the database's; what lies in the past is anybody's to import.
CREATE FUNCTION public.ledger_check_moment(moment timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF moment > now() + interval '1 day' THEN
        RAISE EXCEPTION '% is more than a day ahead', moment
            USING ERRCODE = 'IP010', DETAIL = jsonb_build_object('moment', moment)::text;
    END IF;
END
$$;

-- Writes the postings that are new and says for each draft what it became; the same key with other content is refused.
-- In the order of their keys, so that two callers with the same keys cannot wait for each other.
CREATE FUNCTION public.ledger_write_postings(
    organisation uuid, posted_at timestamptz, business_date date, drafts jsonb, lines public.ledger_line[]
)
RETURNS public.ledger_outcome[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcomes public.ledger_outcome[] := '{}';
    draft record;
    first record;
BEGIN
    FOR draft IN
        SELECT d.n::integer AS n, p.id, p.key, p.kind, coalesce(p.order_number, '') AS order_number, p.reverses,
               coalesce(p.memo, '') AS memo, coalesce(p.by, '') AS author,
               public.ledger_content_hash(p.kind, coalesce(p.order_number, ''), p.reverses, content.lines) AS content_hash
        FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d (draft, n)
        JOIN (
            SELECT line.draft, array_agg(line.text ORDER BY line.text COLLATE "C") AS lines
            FROM (
                SELECT l.draft, public.ledger_line_text(l.code, l.currency, l.side, l.amount) AS text
                FROM unnest(lines) AS l
            ) AS line
            GROUP BY line.draft
        ) AS content ON content.draft = d.n
        CROSS JOIN LATERAL jsonb_to_record(d.draft) AS p (
            id uuid, key text, kind text, order_number text, reverses uuid, memo text, by text)
        ORDER BY p.key COLLATE "C", d.n
    LOOP
        INSERT INTO public.wallet_posting AS posting (
            id, organisation_id, key, content_hash, kind, order_number, reverses_id, memo, by, posted_at, business_date)
        VALUES (draft.id, organisation, draft.key, draft.content_hash, draft.kind, draft.order_number, draft.reverses,
                draft.memo, draft.author, ledger_write_postings.posted_at, ledger_write_postings.business_date)
        ON CONFLICT (organisation_id, key) DO NOTHING;
        IF FOUND THEN
            outcomes := outcomes || ROW(draft.n, draft.id, draft.key, true)::public.ledger_outcome;
            CONTINUE;
        END IF;
        SELECT posting.id, posting.content_hash INTO first
        FROM public.wallet_posting AS posting
        WHERE posting.organisation_id = organisation AND posting.key = draft.key;
        IF first.content_hash IS DISTINCT FROM draft.content_hash THEN
            RAISE EXCEPTION 'key % was posted with other content', draft.key
                USING ERRCODE = 'IP002', DETAIL = jsonb_build_object('key', draft.key)::text;
        END IF;
        outcomes := outcomes || ROW(draft.n, first.id, draft.key, false)::public.ledger_outcome;
    END LOOP;
    RETURN outcomes;
END
$$;

-- Opens the accounts that lines name and the organisation does not have yet, as the chart says.
CREATE FUNCTION public.ledger_open_accounts(organisation uuid, opened_at timestamptz, lines public.ledger_line[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO public.wallet_account (
        id, organisation_id, code, currency, account_class, normal_side, guarded, balance, entry_count, opened_at)
    SELECT DISTINCT ON (l.code, l.currency)
        l.account, organisation, l.code, l.currency, chart.account_class, chart.normal_side, chart.guarded, 0, 0,
        ledger_open_accounts.opened_at
    FROM unnest(lines) AS l CROSS JOIN LATERAL public.ledger_chart(l.code) AS chart
    WHERE NOT EXISTS (
        SELECT FROM public.wallet_account AS account
        WHERE account.organisation_id = organisation AND account.code = l.code AND account.currency = l.currency)
    ORDER BY l.code, l.currency, l.draft, l.line
    ON CONFLICT (organisation_id, code, currency) DO NOTHING;
END
$$;

-- Locks the accounts in id order, writes all entries in one INSERT, refuses a guarded balance below zero at any of them,
-- and moves the balances. `lines` are those of new postings only.
CREATE FUNCTION public.ledger_write_entries(organisation uuid, drafts jsonb, lines public.ledger_line[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    steps public.ledger_step[];
    short record;
BEGIN
    PERFORM FROM public.wallet_account AS account
    WHERE account.organisation_id = organisation
      AND (account.code, account.currency) IN (SELECT l.code, l.currency FROM unnest(lines) AS l)
    ORDER BY account.id FOR NO KEY UPDATE;

    WITH written AS (
        INSERT INTO public.wallet_entry AS entry (
            id, organisation_id, posting_id, line, account_id, position, side, currency, amount, balance_after)
        SELECT l.id, organisation, (drafts -> (l.draft - 1) ->> 'id')::uuid, l.line, account.id,
               account.entry_count + row_number() OVER steps, l.side, l.currency, l.amount,
               account.balance + sum(CASE l.side WHEN account.normal_side THEN l.amount ELSE -l.amount END) OVER steps
        FROM unnest(lines) AS l JOIN public.wallet_account AS account
          ON account.organisation_id = organisation AND account.code = l.code AND account.currency = l.currency
        WINDOW steps AS (PARTITION BY account.id ORDER BY l.draft, l.line ROWS UNBOUNDED PRECEDING)
        RETURNING entry.account_id, entry.position, entry.balance_after
    )
    SELECT array_agg(ROW(written.account_id, written.position, written.balance_after)::public.ledger_step)
    INTO steps FROM written;

    SELECT account.code, account.currency INTO short
    FROM unnest(steps) AS step JOIN public.wallet_account AS account ON account.id = step.account
    WHERE account.guarded AND step.balance_after < 0
    ORDER BY account.code, account.currency LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % would fall below zero', short.code
            USING ERRCODE = 'IP001', DETAIL = jsonb_build_object('code', short.code, 'currency', short.currency)::text;
    END IF;

    UPDATE public.wallet_account AS account SET balance = last.balance_after, entry_count = last.position
    FROM (
        SELECT DISTINCT ON (step.account) step.account, step.position, step.balance_after
        FROM unnest(steps) AS step ORDER BY step.account, step.position DESC
    ) AS last
    WHERE account.id = last.account;
END
$$;

-- One or many postings of one organisation, in one round trip. Repeating a posting changes nothing and gives the first.
CREATE FUNCTION public.ledger_post(organisation uuid, posted_at timestamptz, business_date date, drafts jsonb)
RETURNS TABLE (posting_id uuid, posting_key text, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lines public.ledger_line[] := public.ledger_read_lines(drafts);
    outcomes public.ledger_outcome[];
BEGIN
    PERFORM public.ledger_check_isolation();
    PERFORM public.ledger_check_moment(posted_at);
    PERFORM public.ledger_check_drafts(drafts, lines);

    PERFORM pg_advisory_xact_lock_shared(public.ledger_day_lock(business_date));
    IF business_date <= (SELECT max(sealed.day) FROM public.wallet_sealedday AS sealed) THEN
        RAISE EXCEPTION 'day % is sealed', business_date
            USING ERRCODE = 'IP004', DETAIL = jsonb_build_object('day', business_date)::text;
    END IF;

    outcomes := public.ledger_write_postings(organisation, posted_at, business_date, drafts, lines);
    lines := ARRAY(
        SELECT l FROM unnest(lines) AS l JOIN unnest(outcomes) AS outcome ON outcome.draft = l.draft WHERE outcome.is_new);
    IF cardinality(lines) > 0 THEN
        PERFORM public.ledger_open_accounts(organisation, posted_at, lines);
        PERFORM public.ledger_write_entries(organisation, drafts, lines);
    END IF;

    RETURN QUERY
        SELECT outcome.id, outcome.key, outcome.is_new FROM unnest(outcomes) AS outcome ORDER BY outcome.draft;
END
$$;
