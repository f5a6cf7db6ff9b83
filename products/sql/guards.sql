-- What nobody changes of products, holds and days of usage, the owner of the tables included. Plain triggers: they hold for
-- pages, shell and SQL alike. Migration 0002 of products runs this file once. A database that has it already learns of no
-- later edit here: every change needs a migration of its own that replaces the function.

-- A product's slug is part of account codes.
CREATE FUNCTION public.products_keep_slug() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.slug <> NEW.slug THEN
        RAISE EXCEPTION 'a slug is part of account codes and never changes' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;

-- A hold keeps what it was made with.
CREATE FUNCTION public.products_keep_hold() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.state <> 'OPEN'
       OR NEW.captured < OLD.captured OR NEW.released < OLD.released
       OR (OLD.id, OLD.organisation_id, OLD.product_id, OLD.request_id, OLD.amount, OLD.amount_currency,
           OLD.created_at, OLD.expires_at)
          IS DISTINCT FROM
          (NEW.id, NEW.organisation_id, NEW.product_id, NEW.request_id, NEW.amount, NEW.amount_currency,
           NEW.created_at, NEW.expires_at)
    THEN
        RAISE EXCEPTION 'a hold only gives what it holds, once' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;

-- A day of usage is kept when it is over, by the database's own clock: one kept too early would hide what is still used.
CREATE FUNCTION public.products_check_day() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.day >= (now() AT TIME ZONE 'Asia/Shanghai')::date THEN
        RAISE EXCEPTION 'the day % is not over', NEW.day USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER product_slug_never_changes BEFORE UPDATE ON public.products_product
    FOR EACH ROW EXECUTE FUNCTION public.products_keep_slug();
CREATE TRIGGER hold_only_gives BEFORE UPDATE ON public.products_hold
    FOR EACH ROW EXECUTE FUNCTION public.products_keep_hold();
CREATE TRIGGER usage_day_is_over BEFORE INSERT ON public.products_usageday
    FOR EACH ROW EXECUTE FUNCTION public.products_check_day();
