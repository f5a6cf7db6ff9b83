-- Receipts and refund notes: kept as issued, numbered without gaps. Plain triggers: they hold for pages, shell and SQL alike.
-- SQLSTATE IP022: this is never changed. IP026: the number does not follow the last one, or the file is not the one named.
-- Migration 0009 of billing runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

CREATE FUNCTION public.documents_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'IP022';
END
$$;

-- Every number follows one that is there, so a series has no gap; that none is given twice is the unique constraint's.
CREATE FUNCTION public.documents_check_number() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.sequence <> 1 AND NOT EXISTS (
        SELECT FROM public.billing_document AS d
        WHERE d.entity_id = NEW.entity_id AND d.kind = NEW.kind AND d.year = NEW.year AND d.sequence = NEW.sequence - 1
    ) THEN
        RAISE EXCEPTION 'document % does not follow the last one of its series', NEW.number USING ERRCODE = 'IP026';
    END IF;
    IF NEW.number <> (
        SELECT CASE NEW.kind WHEN 'RECEIPT' THEN 'RC-' ELSE 'RN-' END || e.code || '-' || NEW.year || '-'
               || lpad(NEW.sequence::text, greatest(6, length(NEW.sequence::text)), '0')
        FROM public.billing_legalentity AS e WHERE e.id = NEW.entity_id
    ) THEN
        RAISE EXCEPTION 'document % is not called what its series says', NEW.number USING ERRCODE = 'IP026';
    END IF;
    IF encode(sha256(NEW.pdf), 'hex') <> NEW.sha256 THEN
        RAISE EXCEPTION 'document % has another file than its hash says', NEW.number USING ERRCODE = 'IP026';
    END IF;
    RETURN NEW;
END
$$;

-- The code of a legal entity stands in numbers that were given out.
CREATE FUNCTION public.documents_keep_code() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.code <> OLD.code THEN
        RAISE EXCEPTION 'the code of a legal entity never changes' USING ERRCODE = 'IP022';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER documents_check_number BEFORE INSERT ON public.billing_document
    FOR EACH ROW EXECUTE FUNCTION public.documents_check_number();
CREATE TRIGGER documents_keep BEFORE DELETE OR UPDATE OR TRUNCATE ON public.billing_document
    FOR EACH STATEMENT EXECUTE FUNCTION public.documents_refuse();
CREATE TRIGGER documents_keep_code BEFORE UPDATE ON public.billing_legalentity
    FOR EACH ROW EXECUTE FUNCTION public.documents_keep_code();

-- They hold under session_replication_role = replica too.
ALTER TABLE public.billing_document ENABLE ALWAYS TRIGGER documents_check_number;
ALTER TABLE public.billing_document ENABLE ALWAYS TRIGGER documents_keep;

-- A document and its order lie in one organisation.
ALTER TABLE public.billing_document
    ADD CONSTRAINT document_order_of_organisation FOREIGN KEY (organisation_id, order_id)
        REFERENCES public.billing_order (organisation_id, id);
