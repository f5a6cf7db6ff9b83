-- Money sent back. IP023: nothing covers this use of the bank line.
-- Migration 0014 of payments runs this file once. A database that has it already learns of no later edit here: every
-- change needs a migration of its own that replaces the function.

-- A line of money that went out is spent on what was recorded as sent back from the same account, whole, and once (the
-- column is unique).
CREATE FUNCTION public.returns_check_sent() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.payments_allocation AS a
        JOIN public.payments_bankline AS came ON came.id = a.line_id
        JOIN public.payments_bankline AS gone ON gone.id = NEW.line_id
        WHERE a.id = NEW.sends_id AND a.kind = 'RETURNED' AND a.organisation_id = NEW.organisation_id
          AND gone.direction = 'OUT' AND NOT gone.is_reversal AND gone.file_id IS NOT NULL
          AND gone.account_id = came.account_id AND gone.amount_currency = came.amount_currency
          AND gone.amount = NEW.amount AND a.amount = NEW.amount
    ) THEN
        RAISE EXCEPTION 'nothing recorded as sent back covers this use of the bank line' USING ERRCODE = 'IP023';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER returns_check_sent BEFORE INSERT ON public.payments_allocation
    FOR EACH ROW WHEN (NEW.kind = 'SENT') EXECUTE FUNCTION public.returns_check_sent();
