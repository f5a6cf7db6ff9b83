-- Refunds paid at the bank: prepared by one, approved by another, paid once. Plain triggers: they hold for pages, shell and
-- SQL alike. SQLSTATE IP020: this person may not. IP022: this is never changed. IP025: the bank line is not this payment.
-- Migration 0009 of payments runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

-- Only active staff who do not belong to the organisation prepare, approve and record.
CREATE FUNCTION public.bank_refunds_check_person(person uuid, organisation uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.wallet_member AS m WHERE m.user_id = person AND m.organisation_id = organisation) THEN
        RAISE EXCEPTION 'nobody refunds to an organisation he belongs to' USING ERRCODE = 'IP020';
    END IF;
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = person AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff refund' USING ERRCODE = 'IP020';
    END IF;
END
$$;

-- A payment begins as a preparation, of what its refund says, out of an account of that currency.
CREATE FUNCTION public.bank_refunds_check_preparation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.superseded_at IS NOT NULL OR NEW.approved_at IS NOT NULL OR NEW.paid_at IS NOT NULL
       OR NEW.refused_at IS NOT NULL OR NEW.returned_at IS NOT NULL THEN
        RAISE EXCEPTION 'a payment begins as a preparation' USING ERRCODE = 'IP022';
    END IF;
    PERFORM public.bank_refunds_check_person(NEW.prepared_by_id, NEW.organisation_id);
    IF NOT EXISTS (
        SELECT FROM public.billing_refund AS r JOIN public.billing_order AS o ON o.id = r.order_id
        WHERE r.id = NEW.refund_id AND r.organisation_id = NEW.organisation_id AND r.state = 'ASKED'
          AND o.method = 'OFFLINE' AND r.back = NEW.amount AND r.back_currency = NEW.amount_currency
    ) THEN
        RAISE EXCEPTION 'the refund is not one that a bank payment is prepared for' USING ERRCODE = 'IP022';
    END IF;
    RETURN NEW;
END
$$;

-- Only what happens to it is ever written, each step once: replaced while nobody has approved it, approved, paid or refused
-- by the bank, confirmed by a statement, come back.
CREATE FUNCTION public.bank_refunds_check_step() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    steps text[] := ARRAY['superseded_at', 'approved_by_id', 'approved_by_name', 'approved_at', 'paid_by_id',
                          'paid_by_name', 'paid_at', 'paid_on', 'bank_reference', 'line_id', 'refused_at',
                          'returned_line_id', 'returned_at'];
BEGIN
    IF OLD.superseded_at IS NOT NULL OR OLD.refused_at IS NOT NULL
       OR OLD.returned_at IS NOT NULL
          AND (OLD.returned_at, OLD.returned_line_id) IS DISTINCT FROM (NEW.returned_at, NEW.returned_line_id)
       OR to_jsonb(OLD) - steps <> to_jsonb(NEW) - steps
       OR OLD.approved_at IS NOT NULL
          AND (OLD.approved_by_id, OLD.approved_by_name, OLD.approved_at, OLD.superseded_at)
              IS DISTINCT FROM (NEW.approved_by_id, NEW.approved_by_name, NEW.approved_at, NEW.superseded_at)
       OR OLD.paid_at IS NOT NULL
          AND (OLD.paid_by_id, OLD.paid_by_name, OLD.paid_at, OLD.paid_on, OLD.bank_reference)
              IS DISTINCT FROM (NEW.paid_by_id, NEW.paid_by_name, NEW.paid_at, NEW.paid_on, NEW.bank_reference)
       OR OLD.line_id IS NOT NULL AND NEW.line_id IS DISTINCT FROM OLD.line_id THEN
        RAISE EXCEPTION 'a payment of a refund is never changed' USING ERRCODE = 'IP022';
    END IF;
    IF NEW.approved_at IS NOT NULL AND OLD.approved_at IS NULL THEN
        PERFORM public.bank_refunds_check_person(NEW.approved_by_id, NEW.organisation_id);
        PERFORM public.bank_refunds_check_person(NEW.prepared_by_id, NEW.organisation_id);
        IF EXISTS (
            SELECT FROM public.billing_refund AS r WHERE r.id = NEW.refund_id AND r.asked_by_id = NEW.approved_by_id
        ) THEN
            RAISE EXCEPTION 'whoever asked for a refund does not approve its payment' USING ERRCODE = 'IP020';
        END IF;
    END IF;
    IF NEW.paid_at IS NOT NULL AND OLD.paid_at IS NULL THEN
        PERFORM public.bank_refunds_check_person(NEW.paid_by_id, NEW.organisation_id);
    END IF;
    IF NEW.line_id IS NOT NULL AND OLD.line_id IS NULL AND NOT EXISTS (
        SELECT FROM public.payments_bankline AS l
        WHERE l.id = NEW.line_id AND l.direction = 'OUT' AND NOT l.is_reversal AND l.account_id = NEW.account_id
          AND l.amount = NEW.amount AND l.amount_currency = NEW.amount_currency
    ) THEN
        RAISE EXCEPTION 'the line is not this payment' USING ERRCODE = 'IP025';
    END IF;
    IF NEW.returned_line_id IS NOT NULL AND OLD.returned_line_id IS NULL AND NOT EXISTS (
        SELECT FROM public.payments_bankline AS l
        JOIN public.payments_allocation AS a ON a.line_id = l.id AND a.kind = 'BOUNCED'
        WHERE l.id = NEW.returned_line_id AND l.direction = 'IN' AND l.account_id = NEW.account_id
    ) THEN
        RAISE EXCEPTION 'the line is not this payment come back' USING ERRCODE = 'IP025';
    END IF;
    RETURN NEW;
END
$$;

-- A bank line is spent on a refund only where the refund's payment is that line, or may have come back as it.
CREATE FUNCTION public.bank_refunds_check_allocation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.payments_bankrefund AS b JOIN public.payments_bankline AS l ON l.id = NEW.line_id
        WHERE b.organisation_id = NEW.organisation_id AND b.account_id = l.account_id AND b.paid_at IS NOT NULL
          AND (NEW.kind = 'REFUND' AND b.line_id = l.id AND b.amount = NEW.amount
               OR NEW.kind = 'BOUNCED' AND b.returned_at IS NULL AND l.direction = 'IN' AND b.amount >= NEW.amount)
    ) THEN
        RAISE EXCEPTION 'no payment of a refund covers this use of the bank line' USING ERRCODE = 'IP023';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER bank_refunds_check_preparation BEFORE INSERT ON public.payments_bankrefund
    FOR EACH ROW EXECUTE FUNCTION public.bank_refunds_check_preparation();
CREATE TRIGGER bank_refunds_check_step BEFORE UPDATE ON public.payments_bankrefund
    FOR EACH ROW EXECUTE FUNCTION public.bank_refunds_check_step();
CREATE TRIGGER bank_refunds_keep BEFORE DELETE ON public.payments_bankrefund
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
CREATE TRIGGER bank_refunds_check_allocation BEFORE INSERT ON public.payments_allocation
    FOR EACH ROW WHEN (NEW.kind IN ('REFUND', 'BOUNCED')) EXECUTE FUNCTION public.bank_refunds_check_allocation();

-- A payment lies in its account's currency.
ALTER TABLE public.payments_bankrefund ADD CONSTRAINT bank_refund_in_its_accounts_currency
    FOREIGN KEY (account_id, amount_currency) REFERENCES public.payments_bankaccount (id, currency);
