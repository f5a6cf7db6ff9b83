-- What nobody may do to the ledger's rows, the owner of the tables included.

CREATE FUNCTION public.ledger_refuse()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the ledger only grows', TG_OP, TG_TABLE_NAME USING ERRCODE = 'IP007';
END
$$;

CREATE TRIGGER posting_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.wallet_posting
    FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse();
CREATE TRIGGER entry_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.wallet_entry
    FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse();
CREATE TRIGGER sealed_day_is_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.wallet_sealedday
    FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse();
CREATE TRIGGER account_is_never_removed BEFORE DELETE OR TRUNCATE ON public.wallet_account
    FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_refuse();

-- They hold under session_replication_role = replica too.
ALTER TABLE public.wallet_posting ENABLE ALWAYS TRIGGER posting_is_append_only;
ALTER TABLE public.wallet_entry ENABLE ALWAYS TRIGGER entry_is_append_only;
ALTER TABLE public.wallet_sealedday ENABLE ALWAYS TRIGGER sealed_day_is_append_only;
ALTER TABLE public.wallet_account ENABLE ALWAYS TRIGGER account_is_never_removed;

-- An account opens empty and as the chart says.
CREATE FUNCTION public.ledger_check_opening()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.ledger_chart(NEW.code) AS chart
        WHERE (chart.account_class, chart.normal_side, chart.guarded) = (NEW.account_class, NEW.normal_side, NEW.guarded)
    ) THEN
        RAISE EXCEPTION 'account % does not open as the chart of accounts says', NEW.code USING ERRCODE = 'IP005';
    END IF;
    IF NEW.balance <> 0 OR NEW.entry_count <> 0 THEN
        RAISE EXCEPTION 'account % does not open empty', NEW.code USING ERRCODE = 'IP007';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER account_opens_by_the_chart BEFORE INSERT ON public.wallet_account
    FOR EACH ROW EXECUTE FUNCTION public.ledger_check_opening();

-- Of an account only the balance moves, forward, and to where its last entry says.
CREATE FUNCTION public.ledger_check_movement()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (NEW.id, NEW.organisation_id, NEW.code, NEW.currency, NEW.account_class, NEW.normal_side, NEW.guarded, NEW.opened_at)
       IS DISTINCT FROM
       (OLD.id, OLD.organisation_id, OLD.code, OLD.currency, OLD.account_class, OLD.normal_side, OLD.guarded, OLD.opened_at)
    THEN
        RAISE EXCEPTION 'of account % only the balance moves', OLD.code USING ERRCODE = 'IP007';
    END IF;
    IF NEW.entry_count <= OLD.entry_count OR NOT EXISTS (
        SELECT FROM public.wallet_entry AS entry
        WHERE entry.account_id = NEW.id AND entry.position = NEW.entry_count AND entry.balance_after = NEW.balance
    ) THEN
        RAISE EXCEPTION 'the balance of account % moves only with its entries', OLD.code USING ERRCODE = 'IP007';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER account_moves_with_its_entries BEFORE UPDATE ON public.wallet_account
    FOR EACH ROW EXECUTE FUNCTION public.ledger_check_movement();

-- The entries of a posting are written in one statement and sum to zero in every currency. What was there before summed
-- to zero too, so only what is new is looked at: the cost does not grow with the ledger.
CREATE FUNCTION public.ledger_check_sums()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wrong record;
    wrong_key text;
BEGIN
    SELECT entry.posting_id, entry.currency INTO wrong
    FROM written AS entry
    GROUP BY entry.posting_id, entry.currency
    HAVING sum(CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END) <> 0
    LIMIT 1;
    IF FOUND THEN
        SELECT posting.key INTO wrong_key FROM public.wallet_posting AS posting WHERE posting.id = wrong.posting_id;
        RAISE EXCEPTION 'posting % does not sum to zero', wrong_key
            USING ERRCODE = 'IP003', DETAIL = jsonb_build_object('key', wrong_key, 'currency', wrong.currency)::text;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_sum_to_zero AFTER INSERT ON public.wallet_entry REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_sums();

-- A posting that names another as reversed carries its lines with the sides exchanged: all of them and nothing else.
CREATE FUNCTION public.ledger_check_reversals()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wrong record;
BEGIN
    SELECT posting.key INTO wrong
    FROM public.wallet_posting AS posting
    WHERE posting.id IN (SELECT entry.posting_id FROM written AS entry) AND posting.reverses_id IS NOT NULL
      AND EXISTS (
        SELECT FROM public.wallet_entry AS entry
        WHERE entry.posting_id IN (posting.id, posting.reverses_id)
        -- The last is the same for a debit here and a credit there.
        GROUP BY entry.account_id, entry.amount, (entry.posting_id = posting.id) = (entry.side = 'DEBIT')
        HAVING sum(CASE entry.posting_id WHEN posting.id THEN 1 ELSE -1 END) <> 0
    )
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'posting % is not the opposite of what it reverses', wrong.key
            USING ERRCODE = 'IP011', DETAIL = jsonb_build_object('key', wrong.key)::text;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER entries_undo_what_they_reverse AFTER INSERT ON public.wallet_entry REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_check_reversals();

-- A posting without entries does not survive its transaction.
CREATE FUNCTION public.ledger_check_entries()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.wallet_entry AS entry WHERE entry.posting_id = NEW.id) THEN
        RAISE EXCEPTION 'posting % has no entries', NEW.key USING ERRCODE = 'IP003';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER posting_has_entries AFTER INSERT ON public.wallet_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.ledger_check_entries();
