-- Persons, states and sums of refunds. Plain triggers: they hold for pages, shell and SQL alike.
-- SQLSTATE IP020: this person may not. IP022: this is never changed. IP027: more than the order has, or not now.
-- Migration 0010 of billing runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

CREATE FUNCTION public.refunds_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'IP022';
END
$$;

-- For finance only active staff act who do not belong to the organisation.
CREATE FUNCTION public.refunds_check_finance(person uuid, organisation uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.wallet_member AS m WHERE m.user_id = person AND m.organisation_id = organisation) THEN
        RAISE EXCEPTION 'nobody refunds for an organisation he belongs to' USING ERRCODE = 'IP020';
    END IF;
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = person AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff refund' USING ERRCODE = 'IP020';
    END IF;
END
$$;

-- Never more goes back than the order credited. What was made at Stripe has happened, whatever else waits beside it.
CREATE FUNCTION public.refunds_check_sum(refund public.billing_refund) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    credited numeric;
    paid numeric;
    given numeric;
    given_back numeric;
BEGIN
    SELECT o.credited, o.paid INTO credited, paid FROM public.billing_order AS o WHERE o.id = refund.order_id FOR UPDATE;
    SELECT coalesce(sum(r.amount), 0), coalesce(sum(r.back), 0) INTO given, given_back
    FROM public.billing_refund AS r
    WHERE r.order_id = refund.order_id AND r.id <> refund.id
      AND (r.state = 'SUCCEEDED' OR r.state = 'APPROVED' AND r.origin = 'STRIPE'
           OR r.state IN ('ASKED', 'APPROVED') AND refund.origin <> 'STRIPE' AND refund.state = 'ASKED');
    IF given + refund.amount > credited OR given_back + refund.back > paid THEN
        RAISE EXCEPTION 'more than the order credited' USING ERRCODE = 'IP027';
    END IF;
END
$$;

CREATE FUNCTION public.refunds_check_begin() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    paid_order public.billing_order;
BEGIN
    IF NEW.state <> (CASE NEW.origin WHEN 'STRIPE' THEN 'APPROVED' ELSE 'ASKED' END) OR NEW.approved_at IS NOT NULL
       OR NEW.debt <> 0 AND NEW.origin <> 'STRIPE' THEN
        RAISE EXCEPTION 'a refund begins as a wish' USING ERRCODE = 'IP022';
    END IF;
    SELECT o.* INTO paid_order FROM public.billing_order AS o
    WHERE o.id = NEW.order_id AND o.organisation_id = NEW.organisation_id FOR UPDATE;
    IF paid_order.id IS NULL OR paid_order.paid_at IS NULL
       OR (paid_order.credited_currency, paid_order.paid_currency) <> (NEW.amount_currency, NEW.back_currency) THEN
        RAISE EXCEPTION 'only what a paid order credited is refunded, in its currencies' USING ERRCODE = 'IP027';
    END IF;
    IF NEW.origin = 'STRIPE' AND paid_order.method <> 'CARD' THEN
        RAISE EXCEPTION 'Stripe refunds only what was paid by card' USING ERRCODE = 'IP027';
    END IF;
    IF NEW.origin <> 'STRIPE' AND (
        paid_order.state NOT IN ('PAID', 'PARTIALLY_REFUNDED') OR EXISTS (
            SELECT FROM public.billing_correction AS c
            WHERE c.order_id = NEW.order_id AND c.approved_at IS NULL AND c.withdrawn_at IS NULL)) THEN
        RAISE EXCEPTION 'this order is not refunded now' USING ERRCODE = 'IP027';
    END IF;
    IF NEW.origin = 'FINANCE' THEN
        PERFORM public.refunds_check_finance(NEW.asked_by_id, NEW.organisation_id);
    ELSIF NEW.origin = 'CUSTOMER' AND (paid_order.method = 'BALANCE' OR NOT EXISTS (
        SELECT FROM public.wallet_member AS m
        WHERE m.user_id = NEW.asked_by_id AND m.organisation_id = NEW.organisation_id AND m.role IN ('OWNER', 'BILLING'))
    ) THEN
        RAISE EXCEPTION 'only who may pay in asks for it back, and not for what was moved' USING ERRCODE = 'IP020';
    END IF;
    PERFORM public.refunds_check_sum(NEW);
    RETURN NEW;
END
$$;

-- What was asked for never changes. How far it got does, along this table; what is owed of it only falls.
CREATE FUNCTION public.refunds_check_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changing text[] := ARRAY['state', 'debt', 'approved_by_id', 'approved_by_name', 'approved_at', 'succeeded_at',
                             'ended_at', 'failure'];
    is_move boolean := EXISTS (SELECT FROM public.billing_order AS o WHERE o.id = OLD.order_id AND o.method = 'BALANCE');
BEGIN
    IF to_jsonb(OLD) - changing <> to_jsonb(NEW) - changing OR NEW.debt > OLD.debt
       OR OLD.state = NEW.state AND to_jsonb(OLD) - 'debt'::text <> to_jsonb(NEW) - 'debt'::text
       OR OLD.approved_at IS NOT NULL AND (OLD.approved_by_id, OLD.approved_by_name, OLD.approved_at)
          IS DISTINCT FROM (NEW.approved_by_id, NEW.approved_by_name, NEW.approved_at)
       OR OLD.succeeded_at IS NOT NULL AND OLD.succeeded_at IS DISTINCT FROM NEW.succeeded_at THEN
        RAISE EXCEPTION 'what was asked for and decided never changes' USING ERRCODE = 'IP022';
    END IF;
    IF OLD.state = NEW.state THEN
        RETURN NEW;
    END IF;
    IF NOT (CASE OLD.state
        WHEN 'ASKED' THEN NEW.state IN ('DECLINED', 'WITHDRAWN')
            OR NEW.state = (CASE WHEN is_move THEN 'SUCCEEDED' ELSE 'APPROVED' END)
        WHEN 'APPROVED' THEN NEW.state IN ('SUCCEEDED', 'FAILED')
        WHEN 'SUCCEEDED' THEN NEW.state = 'RETURNED' AND NOT is_move
        ELSE false END)
       OR NEW.approved_at IS NOT NULL AND OLD.approved_at IS NULL
          AND NOT (OLD.state = 'ASKED' AND NEW.state IN ('APPROVED', 'SUCCEEDED')) THEN
        RAISE EXCEPTION 'a refund does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'IP022';
    END IF;
    IF OLD.state = 'ASKED' AND NEW.state IN ('APPROVED', 'SUCCEEDED') THEN
        PERFORM public.refunds_check_finance(NEW.approved_by_id, NEW.organisation_id);
        IF NEW.origin = 'FINANCE' THEN
            PERFORM public.refunds_check_finance(NEW.asked_by_id, NEW.organisation_id);
        END IF;
    END IF;
    IF NEW.state = 'SUCCEEDED' THEN
        PERFORM public.refunds_check_sum(NEW);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER refunds_check_begin BEFORE INSERT ON public.billing_refund
    FOR EACH ROW EXECUTE FUNCTION public.refunds_check_begin();
CREATE TRIGGER refunds_check_change BEFORE UPDATE ON public.billing_refund
    FOR EACH ROW EXECUTE FUNCTION public.refunds_check_change();
CREATE TRIGGER refunds_keep BEFORE DELETE ON public.billing_refund
    FOR EACH ROW EXECUTE FUNCTION public.refunds_refuse();
CREATE TRIGGER refunds_keep_all BEFORE TRUNCATE ON public.billing_refund
    FOR EACH STATEMENT EXECUTE FUNCTION public.refunds_refuse();

-- A refund and its order lie in one organisation.
ALTER TABLE public.billing_refund
    ADD CONSTRAINT refund_order_of_organisation FOREIGN KEY (organisation_id, order_id)
        REFERENCES public.billing_order (organisation_id, id);
