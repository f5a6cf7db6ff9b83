-- Maker and checker of corrections. Plain triggers: they hold for pages, shell and SQL alike.
-- SQLSTATE IP020: this person may not. IP022: this is never changed. IP024: the orders are not those of a correction.
-- Migration 0008 of billing runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

CREATE FUNCTION public.corrections_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'IP022';
END
$$;

-- Only active staff who do not belong to the organisation propose, approve and withdraw.
CREATE FUNCTION public.corrections_check_person(person uuid, organisation uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.wallet_member AS m WHERE m.user_id = person AND m.organisation_id = organisation) THEN
        RAISE EXCEPTION 'nobody corrects for an organisation he belongs to' USING ERRCODE = 'IP020';
    END IF;
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = person AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff correct' USING ERRCODE = 'IP020';
    END IF;
END
$$;

CREATE FUNCTION public.corrections_check_proposal() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.approved_at IS NOT NULL OR NEW.withdrawn_at IS NOT NULL THEN
        RAISE EXCEPTION 'a correction begins as a proposal' USING ERRCODE = 'IP022';
    END IF;
    PERFORM public.corrections_check_person(NEW.made_by_id, NEW.organisation_id);
    IF NOT EXISTS (
        SELECT FROM public.billing_order AS o
        WHERE o.id = NEW.order_id AND o.organisation_id = NEW.organisation_id AND o.state = 'PAID' AND o.target <> NEW.target
    ) THEN
        RAISE EXCEPTION 'only a paid order is corrected, to another balance' USING ERRCODE = 'IP024';
    END IF;
    RETURN NEW;
END
$$;

-- Only its end is ever written: withdrawn, or carried out: then the first order was taken back, and the one credited
-- instead follows it, with the same amounts, into the balance that was proposed.
CREATE FUNCTION public.corrections_check_end() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ending text[] := ARRAY['approved_by_id', 'approved_by_name', 'approved_at', 'credited_order_id',
                           'withdrawn_by_id', 'withdrawn_at'];
BEGIN
    IF OLD.approved_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL
       OR to_jsonb(OLD) - ending <> to_jsonb(NEW) - ending THEN
        RAISE EXCEPTION 'a correction is never changed' USING ERRCODE = 'IP022';
    END IF;
    IF NEW.withdrawn_at IS NOT NULL THEN
        PERFORM public.corrections_check_person(NEW.withdrawn_by_id, NEW.organisation_id);
    END IF;
    IF NEW.approved_at IS NOT NULL THEN
        PERFORM public.corrections_check_person(NEW.approved_by_id, NEW.organisation_id);
        PERFORM public.corrections_check_person(NEW.made_by_id, NEW.organisation_id);
        IF NOT EXISTS (
            SELECT FROM public.billing_order AS wrong JOIN public.billing_order AS credited ON credited.follows_id = wrong.id
            WHERE wrong.id = NEW.order_id AND wrong.state = 'REFUNDED'
              AND credited.id = NEW.credited_order_id AND credited.state = 'PAID' AND credited.target = NEW.target
              AND (credited.paid, credited.paid_currency, credited.credited, credited.credited_currency)
                  = (wrong.paid, wrong.paid_currency, wrong.credited, wrong.credited_currency)
        ) THEN
            RAISE EXCEPTION 'the orders are not those of this correction' USING ERRCODE = 'IP024';
        END IF;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER corrections_check_proposal BEFORE INSERT ON public.billing_correction
    FOR EACH ROW EXECUTE FUNCTION public.corrections_check_proposal();
CREATE TRIGGER corrections_check_end BEFORE UPDATE ON public.billing_correction
    FOR EACH ROW EXECUTE FUNCTION public.corrections_check_end();
CREATE TRIGGER corrections_keep BEFORE DELETE ON public.billing_correction
    FOR EACH ROW EXECUTE FUNCTION public.corrections_refuse();

-- A correction and both its orders lie in one organisation.
ALTER TABLE public.billing_correction
    ADD CONSTRAINT correction_order_of_organisation FOREIGN KEY (organisation_id, order_id)
        REFERENCES public.billing_order (organisation_id, id),
    ADD CONSTRAINT correction_credited_of_organisation FOREIGN KEY (organisation_id, credited_order_id)
        REFERENCES public.billing_order (organisation_id, id);
