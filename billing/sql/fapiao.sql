-- Persons, states and sums of fapiao. Plain triggers: they hold for pages, shell and SQL alike.
-- SQLSTATE IP020: this person may not. IP022: this is never changed. IP028: more than the order has, or a date or number
-- that cannot be.
-- Migration 0013 of billing runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

CREATE FUNCTION public.fapiao_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'IP022';
END
$$;

-- For finance only active staff act who do not belong to the organisation.
CREATE FUNCTION public.fapiao_check_finance(person uuid, organisation uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.wallet_member AS m WHERE m.user_id = person AND m.organisation_id = organisation) THEN
        RAISE EXCEPTION 'nobody issues fapiao to an organisation he belongs to' USING ERRCODE = 'IP020';
    END IF;
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = person AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff issue fapiao' USING ERRCODE = 'IP020';
    END IF;
END
$$;

-- For the customer only who may pay in.
CREATE FUNCTION public.fapiao_check_customer(person uuid, organisation uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.wallet_member AS m
        WHERE m.user_id = person AND m.organisation_id = organisation AND m.role IN ('OWNER', 'BILLING')
    ) THEN
        RAISE EXCEPTION 'only who may pay in asks for fapiao' USING ERRCODE = 'IP020';
    END IF;
END
$$;

-- What fapiao in these states sum to, of an order and of those whose money a correction brought to it.
CREATE FUNCTION public.fapiao_sum(wanted uuid, states text[], but_not uuid) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE family (id) AS (
        SELECT wanted
        UNION
        SELECT c.order_id FROM public.billing_correction AS c JOIN family ON c.credited_order_id = family.id
        WHERE c.approved_at IS NOT NULL
    )
    SELECT coalesce(sum(f.amount), 0) FROM public.billing_fapiao AS f
    WHERE f.order_id IN (SELECT family.id FROM family) AND f.state = ANY(states) AND f.id IS DISTINCT FROM but_not
$$;

-- Never more than the order's money less what went back, or is about to. The order's row is locked for the comparison.
CREATE FUNCTION public.fapiao_check_sum(fapiao public.billing_fapiao, states text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    paid_order public.billing_order;
    given_back numeric;
BEGIN
    SELECT o.* INTO paid_order FROM public.billing_order AS o
    WHERE o.id = fapiao.order_id AND o.organisation_id = fapiao.organisation_id FOR UPDATE;
    IF paid_order.id IS NULL OR paid_order.paid_at IS NULL OR paid_order.method <> 'OFFLINE'
       OR paid_order.paid_currency <> 'CNY' OR EXISTS (
           SELECT FROM public.billing_correction AS c WHERE c.order_id = fapiao.order_id AND c.approved_at IS NOT NULL)
    THEN
        RAISE EXCEPTION 'there is no fapiao of this order' USING ERRCODE = 'IP028';
    END IF;
    SELECT coalesce(sum(r.back), 0) INTO given_back FROM public.billing_refund AS r
    WHERE r.order_id = fapiao.order_id AND r.state IN ('ASKED', 'APPROVED', 'SUCCEEDED');
    IF public.fapiao_sum(fapiao.order_id, states, fapiao.id) + fapiao.amount > paid_order.paid - given_back THEN
        RAISE EXCEPTION 'more than was paid less what was refunded' USING ERRCODE = 'IP028';
    END IF;
END
$$;

CREATE FUNCTION public.fapiao_check_begin() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.state <> 'REQUESTED' THEN
        RAISE EXCEPTION 'a fapiao begins as a request' USING ERRCODE = 'IP022';
    END IF;
    PERFORM public.fapiao_check_customer(NEW.asked_by_id, NEW.organisation_id);
    PERFORM public.fapiao_check_sum(NEW, ARRAY['REQUESTED', 'ISSUED']);
    RETURN NEW;
END
$$;

-- The file is the one named, the date lies between the order and today in Shanghai, the number is nobody else's.
CREATE FUNCTION public.fapiao_check_issue(fapiao public.billing_fapiao) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.fapiao_check_finance(fapiao.issued_by_id, fapiao.organisation_id);
    PERFORM public.fapiao_check_sum(fapiao, ARRAY['ISSUED']);
    IF octet_length(fapiao.file) > 2097152 OR encode(sha256(fapiao.file), 'hex') <> fapiao.sha256 THEN
        RAISE EXCEPTION 'the file is too large, or not the one that its hash names' USING ERRCODE = 'IP028';
    END IF;
    IF fapiao.issued_on > (fapiao.issued_at AT TIME ZONE 'Asia/Shanghai')::date OR fapiao.issued_on < (
        SELECT (o.created_at AT TIME ZONE 'Asia/Shanghai')::date FROM public.billing_order AS o
        WHERE o.id = fapiao.order_id)
    THEN
        RAISE EXCEPTION 'no fapiao is dated before its order or in the future' USING ERRCODE = 'IP028';
    END IF;
    IF EXISTS (SELECT FROM public.billing_fapiao AS f WHERE f.red_number = fapiao.number) THEN
        RAISE EXCEPTION 'this is the number of a red-letter fapiao' USING ERRCODE = 'IP028';
    END IF;
END
$$;

CREATE FUNCTION public.fapiao_check_reversal(fapiao public.billing_fapiao) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM public.fapiao_check_finance(fapiao.ended_by_id, fapiao.organisation_id);
    IF fapiao.red_on > (fapiao.ended_at AT TIME ZONE 'Asia/Shanghai')::date OR fapiao.red_on < fapiao.issued_on THEN
        RAISE EXCEPTION 'no red letter is dated before its fapiao or in the future' USING ERRCODE = 'IP028';
    END IF;
    IF EXISTS (SELECT FROM public.billing_fapiao AS f WHERE f.number = fapiao.red_number) THEN
        RAISE EXCEPTION 'this is the number of a fapiao' USING ERRCODE = 'IP028';
    END IF;
END
$$;

-- What was asked for never changes, nor what was issued. How far it got does, along this table.
CREATE FUNCTION public.fapiao_check_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    issuing text[] := ARRAY['number', 'issued_on', 'issued_by_id', 'issued_by_name', 'issued_at', 'file_kind', 'file',
                            'sha256'];
    ending text[] := ARRAY['ended_by_id', 'ended_by_name', 'ended_at', 'red_number', 'red_on', 'reason'];
    changing text[] := CASE NEW.state WHEN 'ISSUED' THEN issuing ELSE ending END || 'state'::text;
BEGIN
    IF NOT (CASE OLD.state
        WHEN 'REQUESTED' THEN NEW.state IN ('ISSUED', 'REJECTED', 'WITHDRAWN')
        WHEN 'ISSUED' THEN NEW.state = 'REVERSED'
        ELSE false END) THEN
        RAISE EXCEPTION 'a fapiao does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'IP022';
    END IF;
    IF to_jsonb(OLD) - changing <> to_jsonb(NEW) - changing THEN
        RAISE EXCEPTION 'what was asked for and issued never changes' USING ERRCODE = 'IP022';
    END IF;
    CASE NEW.state
        WHEN 'ISSUED' THEN PERFORM public.fapiao_check_issue(NEW);
        WHEN 'REVERSED' THEN PERFORM public.fapiao_check_reversal(NEW);
        WHEN 'REJECTED' THEN PERFORM public.fapiao_check_finance(NEW.ended_by_id, NEW.organisation_id);
        ELSE PERFORM public.fapiao_check_customer(NEW.ended_by_id, NEW.organisation_id);
    END CASE;
    RETURN NEW;
END
$$;

-- Money does not go back while a fapiao says that it was paid: that has to be reversed by a red letter first.
CREATE FUNCTION public.fapiao_check_refund() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    left_over numeric;
BEGIN
    IF OLD.state <> 'ASKED' OR NEW.state NOT IN ('APPROVED', 'SUCCEEDED') THEN
        RETURN NEW;
    END IF;
    SELECT o.paid - NEW.back INTO left_over FROM public.billing_order AS o WHERE o.id = NEW.order_id FOR UPDATE;
    SELECT left_over - coalesce(sum(r.back), 0) INTO left_over FROM public.billing_refund AS r
    WHERE r.order_id = NEW.order_id AND r.id <> NEW.id AND r.state IN ('APPROVED', 'SUCCEEDED');
    IF public.fapiao_sum(NEW.order_id, ARRAY['ISSUED'], NULL) > left_over THEN
        RAISE EXCEPTION 'a fapiao says that this was paid: reverse it first' USING ERRCODE = 'IP028';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER fapiao_check_begin BEFORE INSERT ON public.billing_fapiao
    FOR EACH ROW EXECUTE FUNCTION public.fapiao_check_begin();
CREATE TRIGGER fapiao_check_change BEFORE UPDATE ON public.billing_fapiao
    FOR EACH ROW EXECUTE FUNCTION public.fapiao_check_change();
CREATE TRIGGER fapiao_keep BEFORE DELETE ON public.billing_fapiao
    FOR EACH ROW EXECUTE FUNCTION public.fapiao_refuse();
CREATE TRIGGER fapiao_keep_all BEFORE TRUNCATE ON public.billing_fapiao
    FOR EACH STATEMENT EXECUTE FUNCTION public.fapiao_refuse();
CREATE TRIGGER fapiao_check_refund BEFORE UPDATE ON public.billing_refund
    FOR EACH ROW EXECUTE FUNCTION public.fapiao_check_refund();

-- A fapiao and its order lie in one organisation.
ALTER TABLE public.billing_fapiao
    ADD CONSTRAINT fapiao_order_of_organisation FOREIGN KEY (organisation_id, order_id)
        REFERENCES public.billing_order (organisation_id, id);
