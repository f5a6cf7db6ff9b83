-- Posting: the one way money moves. Conditions come out as SQLSTATEs of class IP; wallet/ledger.py names them.
--
-- A statement costs about as much as a row that is written, so what happens at every posting is done in as few as can be;
-- what happens seldom (an account is opened, a key comes again, something is refused) has functions of its own. Of this
-- file only ledger_post is called from outside, and sets the search path for all.

CREATE TYPE public.ledger_line AS (
    draft integer, posting uuid, line integer, id uuid, account uuid, code text, currency text, side text, amount numeric
);
CREATE TYPE public.ledger_balance AS (
    account uuid, code text, currency text, normal_side text, guarded boolean, balance numeric, entry_count bigint
);
CREATE TYPE public.ledger_step AS (account uuid, position bigint, balance_after numeric);

-- Whoever has waited for a lock must see what was committed meanwhile: a seal, a key, a balance. A snapshot of before
-- does not.
CREATE FUNCTION public.ledger_check_isolation()
RETURNS void
LANGUAGE plpgsql
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
AS $$
BEGIN
    IF moment > now() + interval '1 day' THEN
        RAISE EXCEPTION '% is more than a day ahead', moment
            USING ERRCODE = 'IP010', DETAIL = jsonb_build_object('moment', moment)::text;
    END IF;
END
$$;

-- One lock number per business day: posting shares it, sealing takes it alone, so that sealing yesterday holds up nobody.
CREATE FUNCTION public.ledger_day_lock(day date)
RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT
AS $$ SELECT (hashtext('ledger day')::bigint << 32) | (day - DATE '1970-01-01') $$;

-- The lines of all drafts, in their order; the first that cannot stand is refused.
CREATE FUNCTION public.ledger_read_lines(drafts jsonb)
RETURNS public.ledger_line[]
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    lines public.ledger_line[];
    wrong integer;
BEGIN
    -- A text that is no plain amount becomes null here: no sign, exponent, NaN or seventh decimal comes through.
    SELECT array_agg(ROW(
               d.n, d.id, l.n, l.id, l.account, l.code, l.currency, l.side, plain.amount
           )::public.ledger_line ORDER BY d.n, l.n),
           count(*) FILTER (WHERE (
               l.id IS NOT NULL AND l.account IS NOT NULL AND l.code IS NOT NULL AND plain.amount > 0
               AND l.side IN ('DEBIT', 'CREDIT') AND l.currency ~ '^[A-Z]{3}$') IS NOT TRUE)
    INTO lines, wrong
    FROM ROWS FROM (jsonb_to_recordset(drafts) AS (id uuid, lines jsonb)) WITH ORDINALITY AS d (id, lines, n),
         ROWS FROM (jsonb_to_recordset(d.lines) AS (
             id uuid, account uuid, code text, currency text, side text, amount text
         )) WITH ORDINALITY AS l (id, account, code, currency, side, amount, n),
         LATERAL (SELECT CASE WHEN l.amount ~ '^[0-9]{1,13}(\.[0-9]{1,6})?$' THEN l.amount::numeric END) AS plain (amount);
    IF wrong > 0 THEN
        PERFORM public.ledger_refuse_line(lines);
    END IF;
    RETURN lines;
END
$$;

-- Names the code of the first line that cannot stand.
CREATE FUNCTION public.ledger_refuse_line(lines public.ledger_line[])
RETURNS void
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    wrong text;
BEGIN
    SELECT l.code INTO wrong FROM unnest(lines) AS l
    WHERE (l.id IS NOT NULL AND l.account IS NOT NULL AND l.code IS NOT NULL AND l.amount > 0
           AND l.side IN ('DEBIT', 'CREDIT') AND l.currency ~ '^[A-Z]{3}$') IS NOT TRUE
    LIMIT 1;
    RAISE EXCEPTION 'a line on % cannot stand', wrong
        USING ERRCODE = 'IP006', DETAIL = jsonb_build_object('code', wrong)::text;
END
$$;

-- The drafts that have lines, with the hash of what they say.
CREATE FUNCTION public.ledger_read_drafts(drafts jsonb, lines public.ledger_line[])
RETURNS TABLE (
    n bigint, id uuid, key text, kind text, order_number text, reverses uuid, memo text, author text, content_hash bytea
)
LANGUAGE sql STABLE
AS $$
    SELECT d.n, d.id, d.key, d.kind, coalesce(d.order_number, ''), d.reverses, coalesce(d.memo, ''), coalesce(d.by, ''),
           public.ledger_content_hash(d.kind, coalesce(d.order_number, ''), d.reverses, content.lines)
    FROM ROWS FROM (jsonb_to_recordset(drafts) AS (
        id uuid, key text, kind text, order_number text, reverses uuid, memo text, by text
    )) WITH ORDINALITY AS d (id, key, kind, order_number, reverses, memo, by, n)
    JOIN (
        SELECT line.draft, array_agg(line.text ORDER BY line.text COLLATE "C") AS lines
        FROM (
            SELECT l.draft, public.ledger_line_text(l.code, l.currency, l.side, l.amount) AS text
            FROM unnest(lines) AS l
        ) AS line
        GROUP BY line.draft
    ) AS content ON content.draft = d.n
$$;

-- Writes the postings whose keys are new and gives their ids. In the order of their keys, so that two callers with the
-- same keys cannot wait for each other.
CREATE FUNCTION public.ledger_write_postings(
    organisation uuid, posted_at timestamptz, business_date date, drafts jsonb, lines public.ledger_line[]
)
RETURNS uuid[]
LANGUAGE plpgsql
AS $$
DECLARE
    written uuid[];
BEGIN
    WITH new AS (
        INSERT INTO public.wallet_posting AS posting (
            id, organisation_id, key, content_hash, kind, order_number, reverses_id, memo, by, posted_at, business_date)
        SELECT draft.id, organisation, draft.key, draft.content_hash, draft.kind, draft.order_number, draft.reverses,
               draft.memo, draft.author, ledger_write_postings.posted_at, ledger_write_postings.business_date
        FROM public.ledger_read_drafts(drafts, lines) AS draft
        ORDER BY draft.key COLLATE "C", draft.n
        ON CONFLICT (organisation_id, key) DO NOTHING
        RETURNING posting.id
    )
    SELECT array_agg(new.id) INTO written FROM new;
    RETURN coalesce(written, '{}');
END
$$;

-- What each draft became where not all were written: the first posting of its key, which must say the same.
CREATE FUNCTION public.ledger_find_postings(
    organisation uuid, drafts jsonb, lines public.ledger_line[], written uuid[]
)
RETURNS TABLE (posting_id uuid, posting_key text, is_new boolean)
LANGUAGE plpgsql
AS $$
DECLARE
    draft record;
BEGIN
    FOR draft IN
        SELECT d.draft ->> 'key' AS key, coalesce(told.id = ANY(written), false) AS is_new,
               told.content_hash = first.content_hash AS is_same, told.id AS id, first.id AS first_id
        FROM jsonb_array_elements(drafts) WITH ORDINALITY AS d (draft, n)
        LEFT JOIN public.ledger_read_drafts(drafts, lines) AS told USING (n)
        LEFT JOIN public.wallet_posting AS first
          ON first.organisation_id = organisation AND first.key = d.draft ->> 'key'
        ORDER BY d.n
    LOOP
        IF draft.id IS NULL THEN
            RAISE EXCEPTION 'posting % has no lines', draft.key
                USING ERRCODE = 'IP003', DETAIL = jsonb_build_object('key', draft.key, 'currency', NULL)::text;
        ELSIF draft.is_same IS NOT TRUE THEN
            RAISE EXCEPTION 'key % was posted with other content', draft.key
                USING ERRCODE = 'IP002', DETAIL = jsonb_build_object('key', draft.key)::text;
        END IF;
        posting_id := draft.first_id;
        posting_key := draft.key;
        is_new := draft.is_new;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Opens the accounts that lines name and the organisation does not have yet, as the chart says.
CREATE FUNCTION public.ledger_open_accounts(organisation uuid, opened_at timestamptz, lines public.ledger_line[])
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    unknown text;
BEGIN
    SELECT l.code INTO unknown
    FROM unnest(lines) AS l LEFT JOIN LATERAL public.ledger_chart(l.code) AS chart ON true
    WHERE chart.guarded IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'no such account code: %', unknown
            USING ERRCODE = 'IP005', DETAIL = jsonb_build_object('code', unknown)::text;
    END IF;
    INSERT INTO public.wallet_account (
        id, organisation_id, code, currency, account_class, normal_side, guarded, balance, entry_count, opened_at)
    SELECT DISTINCT ON (l.code, l.currency)
        l.account, organisation, l.code, l.currency, chart.account_class, chart.normal_side, chart.guarded, 0, 0,
        ledger_open_accounts.opened_at
    FROM unnest(lines) WITH ORDINALITY AS l (draft, posting, line, id, account, code, currency, side, amount, n)
    CROSS JOIN LATERAL public.ledger_chart(l.code) AS chart
    WHERE NOT EXISTS (
        SELECT FROM public.wallet_account AS account
        WHERE account.organisation_id = organisation AND account.code = l.code AND account.currency = l.currency)
    ORDER BY l.code, l.currency, l.n
    ON CONFLICT (organisation_id, code, currency) DO NOTHING;
END
$$;

-- Locks the accounts that lines name, in id order, and gives what they hold. While one of them is not open yet, it gives
-- null and locks none: whoever opens an account waits for others who do, and must not hold what they wait for.
CREATE FUNCTION public.ledger_lock_accounts(organisation uuid, lines public.ledger_line[])
RETURNS public.ledger_balance[]
LANGUAGE plpgsql
AS $$
DECLARE
    balances public.ledger_balance[];
BEGIN
    WITH named AS MATERIALIZED (
        SELECT account.id
        FROM unnest(lines) AS l LEFT JOIN public.wallet_account AS account
          ON account.organisation_id = organisation AND account.code = l.code AND account.currency = l.currency
    )
    SELECT array_agg(ROW(locked.*)::public.ledger_balance) INTO balances
    FROM (
        SELECT account.id, account.code, account.currency, account.normal_side, account.guarded, account.balance,
               account.entry_count
        FROM public.wallet_account AS account
        WHERE account.organisation_id = organisation AND account.id = ANY(ARRAY(SELECT named.id FROM named))
          AND NOT EXISTS (SELECT FROM named WHERE named.id IS NULL)
        ORDER BY account.id FOR NO KEY UPDATE
    ) AS locked;
    RETURN balances;
END
$$;

-- Works out the balance after each line, writes all entries in one INSERT, refuses a guarded balance below zero at any of
-- them, and moves the balances.
CREATE FUNCTION public.ledger_write_entries(
    organisation uuid, lines public.ledger_line[], balances public.ledger_balance[]
)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    line public.ledger_line;
    held public.ledger_balance;
    short public.ledger_balance;
    place integer;
    steps public.ledger_step[] := '{}';
BEGIN
    FOREACH line IN ARRAY lines LOOP
        place := 1;
        held := balances[place];
        WHILE (held.code, held.currency) <> (line.code, line.currency) LOOP
            place := place + 1;
            held := balances[place];
        END LOOP;
        held.entry_count := held.entry_count + 1;
        held.balance := held.balance + CASE line.side WHEN held.normal_side THEN line.amount ELSE -line.amount END;
        IF held.guarded AND held.balance < 0 AND short IS NULL THEN
            short := held;
        END IF;
        balances[place] := held;
        steps := steps || ROW(held.account, held.entry_count, held.balance)::public.ledger_step;
    END LOOP;

    INSERT INTO public.wallet_entry (
        id, organisation_id, posting_id, line, account_id, position, side, currency, amount, balance_after)
    SELECT written.id, organisation, written.posting, written.line, written.account, written.position, written.side,
           written.currency, written.amount, written.balance_after
    FROM ROWS FROM (unnest(lines), unnest(steps)) AS written (
        draft, posting, line, id, opened, code, currency, side, amount, account, position, balance_after);
    IF short IS NOT NULL THEN  -- not before: what does not sum to zero is told first
        RAISE EXCEPTION 'account % would fall below zero', short.code
            USING ERRCODE = 'IP001', DETAIL = jsonb_build_object('code', short.code, 'currency', short.currency)::text;
    END IF;

    UPDATE public.wallet_account AS account SET balance = moved.balance, entry_count = moved.entry_count
    FROM unnest(balances) AS moved
    WHERE account.id = moved.account AND account.organisation_id = organisation;
END
$$;

-- One or many postings of one organisation, in one round trip. Repeating a posting changes nothing and gives the first.
CREATE FUNCTION public.ledger_post(organisation uuid, posted_at timestamptz, business_date date, drafts jsonb)
RETURNS TABLE (posting_id uuid, posting_key text, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning a statement anew costs several times what running it does
AS $$
DECLARE
    lines public.ledger_line[] := public.ledger_read_lines(drafts);
    written uuid[];
    balances public.ledger_balance[];
BEGIN
    PERFORM public.ledger_check_isolation(), public.ledger_check_moment(posted_at),
            pg_advisory_xact_lock_shared(public.ledger_day_lock(business_date));
    IF business_date <= (SELECT max(sealed.day) FROM public.wallet_sealedday AS sealed) THEN
        RAISE EXCEPTION 'day % is sealed', business_date
            USING ERRCODE = 'IP004', DETAIL = jsonb_build_object('day', business_date)::text;
    END IF;

    written := public.ledger_write_postings(organisation, posted_at, business_date, drafts, lines);
    IF cardinality(written) = jsonb_array_length(drafts) THEN
        RETURN QUERY SELECT draft.id, draft.key, true FROM jsonb_to_recordset(drafts) AS draft (id uuid, key text);
    ELSE
        RETURN QUERY SELECT * FROM public.ledger_find_postings(organisation, drafts, lines, written);
        lines := ARRAY(SELECT l FROM unnest(lines) AS l WHERE l.posting = ANY(written));
    END IF;

    IF cardinality(written) > 0 THEN
        balances := public.ledger_lock_accounts(organisation, lines);
        IF balances IS NULL THEN
            PERFORM public.ledger_open_accounts(organisation, posted_at, lines);
            balances := public.ledger_lock_accounts(organisation, lines);
        END IF;
        PERFORM public.ledger_write_entries(organisation, lines, balances);
    END IF;
END
$$;
