-- Card money in suspense: who may decide what becomes of it. SQLSTATE IP020: this person may not. IP022: this is never
-- changed. IP025: it is not that money.
-- Migration 0015 of payments runs this file once. A database that has it already learns of no later edit here: every
-- change needs a migration of its own that replaces the function.

CREATE FUNCTION public.suspense_moves_check_person(person uuid, move public.payments_suspensemove) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.wallet_member AS m
        WHERE m.user_id = person AND m.organisation_id IN (move.organisation_id, move.to_id)
    ) THEN
        RAISE EXCEPTION 'nobody decides about money of an organisation he belongs to' USING ERRCODE = 'IP020';
    END IF;
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = person AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff decide' USING ERRCODE = 'IP020';
    END IF;
END
$$;

-- It begins as a proposal, of a payment in its own organisation, or of a charge in the house's.
-- 00000000-0000-7000-8000-000000000001 is the house.
CREATE FUNCTION public.suspense_moves_check_proposal() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.approved_at IS NOT NULL OR NEW.withdrawn_at IS NOT NULL OR NEW.stripe_id IS NOT NULL THEN
        RAISE EXCEPTION 'a movement begins as a proposal' USING ERRCODE = 'IP022';
    END IF;
    IF NEW.payment_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.payments_payment AS p
        WHERE p.id = NEW.payment_id AND p.organisation_id = NEW.organisation_id AND p.state = 'MISMATCHED'
    ) OR NEW.charge_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM public.payments_balancetransaction AS t
        WHERE t.id = NEW.charge_id AND t.organisation_id = NEW.organisation_id AND t.type IN ('charge', 'payment')
          AND t.organisation_id = '00000000-0000-7000-8000-000000000001'
    ) THEN
        RAISE EXCEPTION 'this money does not wait there' USING ERRCODE = 'IP025';
    END IF;
    PERFORM public.suspense_moves_check_person(NEW.made_by_id, NEW);
    RETURN NEW;
END
$$;

-- What was proposed never changes, nor what was decided; only how far Stripe got with it does.
CREATE FUNCTION public.suspense_moves_check_step() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    deciding text[] := ARRAY['approved_by_id', 'approved_by_name', 'approved_at', 'withdrawn_by_id', 'withdrawn_at',
                             'credited_order_id', 'request'];
    going_on text[] := ARRAY['idempotency_key', 'stripe_id', 'stripe_status', 'attempts', 'ask_at', 'ended_at'];
BEGIN
    IF to_jsonb(OLD) - deciding - going_on <> to_jsonb(NEW) - deciding - going_on
       OR (OLD.approved_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL)
          AND to_jsonb(OLD) - going_on <> to_jsonb(NEW) - going_on
       OR OLD.ended_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL
       OR OLD.stripe_id IS NOT NULL AND (OLD.stripe_id, OLD.idempotency_key) IS DISTINCT FROM
          (NEW.stripe_id, NEW.idempotency_key) THEN
        RAISE EXCEPTION 'a movement of card money in suspense is never changed' USING ERRCODE = 'IP022';
    END IF;
    IF NEW.approved_at IS NOT NULL AND OLD.approved_at IS NULL THEN
        PERFORM public.suspense_moves_check_person(NEW.approved_by_id, NEW);
        PERFORM public.suspense_moves_check_person(NEW.made_by_id, NEW);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER suspense_moves_check_proposal BEFORE INSERT ON public.payments_suspensemove
    FOR EACH ROW EXECUTE FUNCTION public.suspense_moves_check_proposal();
CREATE TRIGGER suspense_moves_check_step BEFORE UPDATE ON public.payments_suspensemove
    FOR EACH ROW EXECUTE FUNCTION public.suspense_moves_check_step();
CREATE TRIGGER suspense_moves_keep BEFORE DELETE ON public.payments_suspensemove
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
