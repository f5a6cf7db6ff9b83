-- What Stripe lists, payouts at the bank, and the house's own money there. Plain triggers: they hold for pages, shell and
-- SQL alike. SQLSTATE IP020: this person may not. IP022: this is never changed. IP025: the bank line is not this payment.
-- Migration 0010 of payments runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

-- What Stripe said of a transaction never changes, and what became of it is written once: a difference may become a
-- posting, never the reverse.
CREATE FUNCTION public.stripe_check_transaction() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    judged text[] := ARRAY['outcome', 'reason', 'detail', 'organisation_id', 'posting_keys', 'judged_at', 'payout_id'];
BEGIN
    IF to_jsonb(OLD) - judged <> to_jsonb(NEW) - judged THEN
        RAISE EXCEPTION 'a balance transaction is never changed' USING ERRCODE = 'IP022';
    END IF;
    IF OLD.outcome IN ('POSTED', 'AGREED') AND (OLD.outcome, OLD.organisation_id, OLD.posting_keys)
       IS DISTINCT FROM (NEW.outcome, NEW.organisation_id, NEW.posting_keys) THEN
        RAISE EXCEPTION 'what became of a balance transaction is written once' USING ERRCODE = 'IP022';
    END IF;
    IF OLD.payout_id IS NOT NULL AND NEW.payout_id IS DISTINCT FROM OLD.payout_id THEN
        RAISE EXCEPTION 'a balance transaction lies in one payout' USING ERRCODE = 'IP022';
    END IF;
    RETURN NEW;
END
$$;

-- A payout's amount never changes, and each thing that happens to it at the bank is written once, with a line that is it.
CREATE FUNCTION public.stripe_check_payout() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (OLD.id, OLD.stripe_id, OLD.amount, OLD.amount_currency)
       IS DISTINCT FROM (NEW.id, NEW.stripe_id, NEW.amount, NEW.amount_currency)
       OR OLD.line_id IS NOT NULL AND (OLD.line_id, OLD.matched_at, OLD.matched_by)
          IS DISTINCT FROM (NEW.line_id, NEW.matched_at, NEW.matched_by)
       OR OLD.reversed_at IS NOT NULL AND NEW.reversed_at IS DISTINCT FROM OLD.reversed_at
       OR OLD.back_line_id IS NOT NULL AND NEW.back_line_id IS DISTINCT FROM OLD.back_line_id THEN
        RAISE EXCEPTION 'what happened to a payout is written once' USING ERRCODE = 'IP022';
    END IF;
    IF NEW.line_id IS NOT NULL AND OLD.line_id IS NULL AND NOT EXISTS (
        SELECT FROM public.payments_bankline AS l
        WHERE l.id = NEW.line_id AND l.direction = 'IN' AND NOT l.is_reversal AND l.allocated = 0
          AND l.amount = NEW.amount AND l.amount_currency = NEW.amount_currency
    ) THEN
        RAISE EXCEPTION 'the line is not this payout' USING ERRCODE = 'IP025';
    END IF;
    IF NEW.back_line_id IS NOT NULL AND OLD.back_line_id IS NULL AND NOT EXISTS (
        SELECT FROM public.payments_bankline AS l
        WHERE l.id = NEW.back_line_id AND l.direction = 'OUT' AND l.allocated = 0
          AND l.amount = NEW.amount AND l.amount_currency = NEW.amount_currency
    ) THEN
        RAISE EXCEPTION 'the line is not this payout going back' USING ERRCODE = 'IP025';
    END IF;
    RETURN NEW;
END
$$;

-- Only active staff propose, approve and withdraw.
CREATE FUNCTION public.house_moves_check_person(person uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = person AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff decide about the house''s money' USING ERRCODE = 'IP020';
    END IF;
END
$$;

CREATE FUNCTION public.house_moves_check_proposal() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.approved_at IS NOT NULL OR NEW.withdrawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'a movement of the house begins as a proposal' USING ERRCODE = 'IP022';
    END IF;
    PERFORM public.house_moves_check_person(NEW.made_by_id);
    IF NEW.kind = 'EXCHANGE' AND NOT EXISTS (
        SELECT FROM public.payments_bankline AS gone, public.payments_bankline AS came
        WHERE gone.id = NEW.line_id AND gone.direction = 'OUT' AND came.id = NEW.came_as_id AND came.direction = 'IN'
          AND gone.amount_currency <> came.amount_currency
    ) THEN
        RAISE EXCEPTION 'an exchange takes one currency out and brings another' USING ERRCODE = 'IP025';
    END IF;
    RETURN NEW;
END
$$;

-- Only its end is ever written, and by somebody else than who proposed it (the table's own CHECK).
CREATE FUNCTION public.house_moves_check_end() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ending text[] := ARRAY['approved_by_id', 'approved_by_name', 'approved_at', 'cost', 'withdrawn_by_id', 'withdrawn_at'];
BEGIN
    IF OLD.approved_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL
       OR to_jsonb(OLD) - ending <> to_jsonb(NEW) - ending THEN
        RAISE EXCEPTION 'a movement of the house is never changed' USING ERRCODE = 'IP022';
    END IF;
    IF NEW.withdrawn_at IS NOT NULL THEN
        PERFORM public.house_moves_check_person(NEW.withdrawn_by_id);
    END IF;
    IF NEW.approved_at IS NOT NULL THEN
        PERFORM public.house_moves_check_person(NEW.approved_by_id);
        PERFORM public.house_moves_check_person(NEW.made_by_id);
    END IF;
    RETURN NEW;
END
$$;

-- A bank line is spent on a payout, a charge or an exchange only where that stands written, and in the house's own books.
-- 00000000-0000-7000-8000-000000000001 is the house.
CREATE FUNCTION public.house_moves_check_allocation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.organisation_id <> '00000000-0000-7000-8000-000000000001' THEN
        RAISE EXCEPTION 'this is the house''s own money' USING ERRCODE = 'IP025';
    END IF;
    IF NEW.kind = 'PAYOUT' AND EXISTS (
        SELECT FROM public.payments_payout AS p WHERE NEW.line_id IN (p.line_id, p.back_line_id)
    ) OR NEW.kind <> 'PAYOUT' AND EXISTS (
        SELECT FROM public.payments_housemove AS m
        WHERE NEW.line_id IN (m.line_id, m.came_as_id) AND m.kind = NEW.kind AND m.approved_at IS NOT NULL
    ) OR NEW.kind = 'CHARGE' AND EXISTS (
        SELECT FROM public.payments_bankline AS l
        WHERE l.id = NEW.line_id AND l.direction = 'OUT' AND l.pile_reason = 'CHARGE'
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'nothing covers this use of the bank line' USING ERRCODE = 'IP023';
END
$$;

CREATE TRIGGER stripe_check_transaction BEFORE UPDATE ON public.payments_balancetransaction
    FOR EACH ROW EXECUTE FUNCTION public.stripe_check_transaction();
CREATE TRIGGER stripe_keep_transaction BEFORE DELETE ON public.payments_balancetransaction
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
CREATE TRIGGER stripe_check_payout BEFORE UPDATE ON public.payments_payout
    FOR EACH ROW EXECUTE FUNCTION public.stripe_check_payout();
CREATE TRIGGER stripe_keep_payout BEFORE DELETE ON public.payments_payout
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
CREATE TRIGGER house_moves_check_proposal BEFORE INSERT ON public.payments_housemove
    FOR EACH ROW EXECUTE FUNCTION public.house_moves_check_proposal();
CREATE TRIGGER house_moves_check_end BEFORE UPDATE ON public.payments_housemove
    FOR EACH ROW EXECUTE FUNCTION public.house_moves_check_end();
CREATE TRIGGER house_moves_keep BEFORE DELETE ON public.payments_housemove
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
CREATE TRIGGER house_moves_check_allocation BEFORE INSERT ON public.payments_allocation
    FOR EACH ROW WHEN (NEW.kind IN ('PAYOUT', 'CHARGE', 'EXCHANGE'))
    EXECUTE FUNCTION public.house_moves_check_allocation();
