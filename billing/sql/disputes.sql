-- Guards of disputes. Plain triggers: they hold for pages, shell and SQL alike.
-- SQLSTATE IP020: this person may not. IP022: this is never changed. IP026: more than is owed.
-- Migration 0011 of billing runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

CREATE FUNCTION public.disputes_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'IP022';
END
$$;

-- Only active staff who do not belong to the organisation decide about its debts and blocks.
CREATE FUNCTION public.disputes_check_person(person uuid, organisation uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.wallet_member AS m WHERE m.user_id = person AND m.organisation_id = organisation) THEN
        RAISE EXCEPTION 'nobody decides for an organisation he belongs to' USING ERRCODE = 'IP020';
    END IF;
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = person AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff decide' USING ERRCODE = 'IP020';
    END IF;
END
$$;

-- Nothing of what a dispute is may change, only what became of it; and its order only before any money is away, to one
-- that corrections led to.
CREATE FUNCTION public.disputes_check_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (OLD.id, OLD.organisation_id, OLD.stripe_id, OLD.amount_currency)
       IS DISTINCT FROM (NEW.id, NEW.organisation_id, NEW.stripe_id, NEW.amount_currency)
       OR NEW.order_id <> OLD.order_id AND (OLD.is_withdrawn OR NOT EXISTS (
           WITH RECURSIVE follower (id) AS (
               SELECT o.id FROM public.billing_order AS o WHERE o.follows_id = OLD.order_id
               UNION
               SELECT o.id FROM public.billing_order AS o JOIN follower ON o.follows_id = follower.id
           )
           SELECT FROM follower WHERE follower.id = NEW.order_id)) THEN
        RAISE EXCEPTION 'a dispute stays that of its order' USING ERRCODE = 'IP022';
    END IF;
    RETURN NEW;
END
$$;

-- What is owed still: for a dispute, or for a refund that Stripe made. Both locks are held by whoever writes.
CREATE FUNCTION public.disputes_read_debt(organisation uuid, dispute uuid, refund uuid, currency text) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.debt FROM public.billing_dispute AS d
    WHERE d.id = dispute AND d.organisation_id = organisation AND d.amount_currency = currency
    UNION ALL
    SELECT r.debt FROM public.billing_refund AS r
    WHERE r.id = refund AND r.organisation_id = organisation AND r.amount_currency = currency
$$;

-- A write-off is made by a person who may, before the debt shrinks by it, and never of more than is owed.
CREATE FUNCTION public.disputes_check_write_off() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.disputes_check_person(NEW.by_id, NEW.organisation_id);
    IF NEW.amount > coalesce(
        public.disputes_read_debt(NEW.organisation_id, NEW.dispute_id, NEW.refund_id, NEW.amount_currency), 0)
    THEN
        RAISE EXCEPTION 'no more is written off than is owed' USING ERRCODE = 'IP026';
    END IF;
    RETURN NEW;
END
$$;

-- A payment of a debt comes from a paid top-up of the wallet, and is never more than is owed.
CREATE FUNCTION public.disputes_check_payment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.amount > coalesce(
           public.disputes_read_debt(NEW.organisation_id, NEW.dispute_id, NEW.refund_id, NEW.amount_currency), 0)
       OR NOT EXISTS (
           SELECT FROM public.billing_order AS o
           WHERE o.id = NEW.order_id AND o.organisation_id = NEW.organisation_id AND o.target = 'wallet'
             AND o.paid_at IS NOT NULL AND NEW.amount <= o.credited AND NEW.amount_currency = o.credited_currency)
    THEN
        RAISE EXCEPTION 'a top-up of the wallet pays no more than is owed' USING ERRCODE = 'IP026';
    END IF;
    RETURN NEW;
END
$$;

-- Only that it was lifted is ever written: by staff, or because the dispute was won or came to nothing.
CREATE FUNCTION public.disputes_check_lifting() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ending text[] := ARRAY['lifted_at', 'lifted_by_id', 'lifted_by_name', 'note'];
BEGIN
    IF OLD.lifted_at IS NOT NULL OR to_jsonb(OLD) - ending <> to_jsonb(NEW) - ending THEN
        RAISE EXCEPTION 'a card block is only lifted' USING ERRCODE = 'IP022';
    END IF;
    IF NEW.lifted_by_id IS NOT NULL THEN
        PERFORM public.disputes_check_person(NEW.lifted_by_id, NEW.organisation_id);
    ELSIF NOT EXISTS (
        SELECT FROM public.billing_dispute AS d
        WHERE d.id = NEW.dispute_id AND NOT d.is_withdrawn AND d.state IN ('WON', 'CLOSED')
    ) THEN
        RAISE EXCEPTION 'nobody lifted it, and the dispute was not won' USING ERRCODE = 'IP020';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.disputes_check_rule() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.by_id IS NULL OR NOT EXISTS (
        SELECT FROM public.wallet_user AS u WHERE u.id = NEW.by_id AND u.is_active AND u.is_staff
    ) THEN
        RAISE EXCEPTION 'only active staff decide' USING ERRCODE = 'IP020';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER disputes_check_change BEFORE UPDATE ON public.billing_dispute
    FOR EACH ROW EXECUTE FUNCTION public.disputes_check_change();
CREATE TRIGGER disputes_keep BEFORE DELETE ON public.billing_dispute
    FOR EACH ROW EXECUTE FUNCTION public.disputes_refuse();
CREATE TRIGGER disputes_keep_movements BEFORE DELETE OR UPDATE ON public.billing_disputemovement
    FOR EACH ROW EXECUTE FUNCTION public.disputes_refuse();
CREATE TRIGGER disputes_check_payment BEFORE INSERT ON public.billing_debtpayment
    FOR EACH ROW EXECUTE FUNCTION public.disputes_check_payment();
CREATE TRIGGER disputes_keep_payments BEFORE DELETE OR UPDATE ON public.billing_debtpayment
    FOR EACH ROW EXECUTE FUNCTION public.disputes_refuse();
CREATE TRIGGER disputes_check_write_off BEFORE INSERT ON public.billing_writeoff
    FOR EACH ROW EXECUTE FUNCTION public.disputes_check_write_off();
CREATE TRIGGER disputes_keep_write_offs BEFORE DELETE OR UPDATE ON public.billing_writeoff
    FOR EACH ROW EXECUTE FUNCTION public.disputes_refuse();
CREATE TRIGGER disputes_check_lifting BEFORE UPDATE ON public.billing_cardblock
    FOR EACH ROW EXECUTE FUNCTION public.disputes_check_lifting();
CREATE TRIGGER disputes_keep_blocks BEFORE DELETE ON public.billing_cardblock
    FOR EACH ROW EXECUTE FUNCTION public.disputes_refuse();
CREATE TRIGGER disputes_check_rule BEFORE INSERT ON public.billing_cardrule
    FOR EACH ROW EXECUTE FUNCTION public.disputes_check_rule();
CREATE TRIGGER disputes_keep_rules BEFORE DELETE OR UPDATE ON public.billing_cardrule
    FOR EACH ROW EXECUTE FUNCTION public.disputes_refuse();

-- A dispute, its order and whatever belongs to it lie in one organisation.
ALTER TABLE public.billing_dispute
    ADD CONSTRAINT dispute_order_of_organisation FOREIGN KEY (organisation_id, order_id)
        REFERENCES public.billing_order (organisation_id, id);
ALTER TABLE public.billing_disputemovement
    ADD CONSTRAINT dispute_movement_of_organisation FOREIGN KEY (organisation_id, dispute_id)
        REFERENCES public.billing_dispute (organisation_id, id);
ALTER TABLE public.billing_debtpayment
    ADD CONSTRAINT debt_payment_of_organisation FOREIGN KEY (organisation_id, dispute_id)
        REFERENCES public.billing_dispute (organisation_id, id),
    ADD CONSTRAINT debt_payment_refund_of_organisation FOREIGN KEY (organisation_id, refund_id)
        REFERENCES public.billing_refund (organisation_id, id),
    ADD CONSTRAINT debt_payment_order_of_organisation FOREIGN KEY (organisation_id, order_id)
        REFERENCES public.billing_order (organisation_id, id);
ALTER TABLE public.billing_writeoff
    ADD CONSTRAINT write_off_of_organisation FOREIGN KEY (organisation_id, dispute_id)
        REFERENCES public.billing_dispute (organisation_id, id),
    ADD CONSTRAINT write_off_refund_of_organisation FOREIGN KEY (organisation_id, refund_id)
        REFERENCES public.billing_refund (organisation_id, id);
ALTER TABLE public.billing_cardblock
    ADD CONSTRAINT card_block_of_organisation FOREIGN KEY (organisation_id, dispute_id)
        REFERENCES public.billing_dispute (organisation_id, id);
