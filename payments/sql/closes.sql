-- What was signed stays as it was signed. Plain triggers: they hold for pages, shell and SQL alike.
-- SQLSTATE IP020: this person may not. IP022: this is never changed. IP025: the close does not fit its acts or the ledger.
-- Migration 0011 of payments runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

CREATE FUNCTION public.closes_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'IP022';
END
$$;

-- A signed close changes only by withdrawal: figures, day and hash stay.
CREATE FUNCTION public.closes_check_close() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.day <> OLD.day THEN
        RAISE EXCEPTION 'a close stays that of its day' USING ERRCODE = 'IP022';
    END IF;
    IF OLD.state = 'SIGNED' AND (NEW.state = 'SIGNED' OR NEW.figures <> OLD.figures OR NEW.seal <> OLD.seal) THEN
        RAISE EXCEPTION 'the close of % is signed', OLD.day USING ERRCODE = 'IP022';
    END IF;
    RETURN NEW;
END
$$;

-- Checked at the end of the transaction: the newest act says what the close says, and a signed day is sealed with its hash.
CREATE FUNCTION public.closes_check_acts() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    close public.payments_dayclose%ROWTYPE;
    newest public.payments_closeact%ROWTYPE;
BEGIN
    SELECT * INTO close FROM public.payments_dayclose AS c WHERE c.id = NEW.id;
    SELECT * INTO newest FROM public.payments_closeact AS a WHERE a.close_id = NEW.id ORDER BY a.id DESC LIMIT 1;
    IF close.state = 'SIGNED' AND (newest.kind IS DISTINCT FROM 'SIGNED' OR newest.by_id <> close.signed_by_id
        OR NOT EXISTS (SELECT FROM public.wallet_sealedday AS s
                       WHERE s.day = close.day AND encode(s.hash, 'hex') = close.seal)) THEN
        RAISE EXCEPTION 'the close of % is signed by nobody, or not sealed', close.day USING ERRCODE = 'IP025';
    END IF;
    IF close.state = 'OPEN' AND newest.kind IS NOT DISTINCT FROM 'SIGNED' THEN
        RAISE EXCEPTION 'nobody withdrew the signature of %', close.day USING ERRCODE = 'IP025';
    END IF;
    RETURN NULL;
END
$$;

-- Signing and withdrawing are active staff's; whoever signed does not withdraw.
CREATE FUNCTION public.closes_check_act() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    newest public.payments_closeact%ROWTYPE;
BEGIN
    PERFORM FROM public.payments_dayclose AS c WHERE c.id = NEW.close_id FOR UPDATE;
    SELECT * INTO newest FROM public.payments_closeact AS a WHERE a.close_id = NEW.close_id ORDER BY a.id DESC LIMIT 1;
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = NEW.by_id AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff sign' USING ERRCODE = 'IP020';
    END IF;
    IF NEW.kind IS NOT DISTINCT FROM newest.kind OR NEW.kind = 'WITHDRAWN' AND newest.id IS NULL THEN
        RAISE EXCEPTION 'signed and withdrawn take turns' USING ERRCODE = 'IP025';
    END IF;
    IF NEW.kind = 'WITHDRAWN' AND newest.by_id = NEW.by_id THEN
        RAISE EXCEPTION 'whoever signed does not withdraw' USING ERRCODE = 'IP020';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.closes_check_difference() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.payments_dayclose AS c
        WHERE c.id IN (CASE WHEN TG_OP = 'INSERT' THEN NEW.close_id ELSE OLD.close_id END,
                       CASE WHEN TG_OP = 'DELETE' THEN OLD.close_id ELSE NEW.close_id END) AND c.state = 'SIGNED'
    ) THEN
        RAISE EXCEPTION 'the close is signed' USING ERRCODE = 'IP022';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END
$$;

CREATE TRIGGER closes_check_close BEFORE UPDATE ON public.payments_dayclose
    FOR EACH ROW EXECUTE FUNCTION public.closes_check_close();
CREATE TRIGGER closes_keep_close BEFORE DELETE ON public.payments_dayclose
    FOR EACH ROW EXECUTE FUNCTION public.closes_refuse();
CREATE CONSTRAINT TRIGGER closes_check_acts AFTER INSERT OR UPDATE ON public.payments_dayclose
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.closes_check_acts();
CREATE TRIGGER closes_check_act BEFORE INSERT ON public.payments_closeact
    FOR EACH ROW EXECUTE FUNCTION public.closes_check_act();
CREATE TRIGGER closes_keep_act BEFORE UPDATE OR DELETE ON public.payments_closeact
    FOR EACH ROW EXECUTE FUNCTION public.closes_refuse();
CREATE TRIGGER closes_check_difference BEFORE INSERT OR UPDATE OR DELETE ON public.payments_difference
    FOR EACH ROW EXECUTE FUNCTION public.closes_check_difference();
