-- A refund at Stripe: of its refund's amount and organisation, and never another one. Plain triggers: they hold for pages,
-- shell and SQL alike. SQLSTATE IP022: this is never changed. IP026: it is not the refund of that payment.
-- Migration 0008 of payments runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

-- A row begins unsent, or with the id of a refund that Stripe has; it is of its refund's amount, and of a card payment of
-- the same organisation.
CREATE FUNCTION public.card_refunds_check_start() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (NEW.idempotency_key IS NULL) = (NEW.stripe_id IS NULL) OR NOT EXISTS (
        SELECT FROM public.billing_refund AS r
        JOIN public.payments_payment AS p ON p.id = NEW.payment_id AND p.organisation_id = r.organisation_id
        WHERE r.id = NEW.refund_id AND r.organisation_id = NEW.organisation_id AND r.state = 'APPROVED'
          AND r.back = NEW.amount AND r.back_currency = NEW.amount_currency
          AND p.method = 'CARD' AND p.credited_order_id IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'this is not the refund of that payment' USING ERRCODE = 'IP026';
    END IF;
    RETURN NEW;
END
$$;

-- Only what Stripe said of it is ever written; which refund it is at Stripe, once; another key only before that.
CREATE FUNCTION public.card_refunds_check_step() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    steps text[] := ARRAY['idempotency_key', 'stripe_id', 'stripe_status', 'failure', 'attempts', 'error', 'asked_at',
                          'ask_at'];
BEGIN
    IF to_jsonb(OLD) - steps <> to_jsonb(NEW) - steps
       OR (OLD.idempotency_key IS NULL) <> (NEW.idempotency_key IS NULL)
       OR OLD.stripe_id IS NOT NULL
          AND (OLD.stripe_id, OLD.idempotency_key) IS DISTINCT FROM (NEW.stripe_id, NEW.idempotency_key) THEN
        RAISE EXCEPTION 'a refund at Stripe is never changed' USING ERRCODE = 'IP022';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER card_refund_starts_right BEFORE INSERT ON public.payments_cardrefund
    FOR EACH ROW EXECUTE FUNCTION public.card_refunds_check_start();
CREATE TRIGGER card_refund_goes_on BEFORE UPDATE ON public.payments_cardrefund
    FOR EACH ROW EXECUTE FUNCTION public.card_refunds_check_step();
CREATE TRIGGER card_refund_never_leaves BEFORE DELETE OR TRUNCATE ON public.payments_cardrefund
    FOR EACH STATEMENT EXECUTE FUNCTION public.transfers_refuse();
