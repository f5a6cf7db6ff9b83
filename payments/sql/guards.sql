-- Maker and checker, and a bank line that becomes money once. Plain triggers: they hold for pages, shell and SQL alike.
-- SQLSTATE IP020: this person may not approve. IP021: not approved by enough people. IP022: this is never changed.
-- IP023: an allocation that no approved finding covers.
-- Migration 0004 of payments runs this file once. A database that has it already learns of no later edit here: every change
-- needs a migration of its own that replaces the function.

CREATE FUNCTION public.transfers_refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'IP022';
END
$$;

-- How many people have to approve an amount: one up to the limit of its currency, two above or without a limit.
CREATE FUNCTION public.transfers_persons_needed(money_currency text, amount numeric) RETURNS integer
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN EXISTS (
        SELECT FROM public.payments_approvallimit AS a
        WHERE a.currency = money_currency AND amount <= a.single_up_to
    ) THEN 1 ELSE 2 END
$$;

-- How much an approval is about: what the finding brings, and what other findings brought before it for the same transfer,
-- or, where no order asked for the money, from the same bank lines. So nobody approves a large sum in small slices.
CREATE FUNCTION public.transfers_at_stake(finding uuid) RETURNS numeric
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f.received + coalesce((
        SELECT sum(other.received) FROM public.payments_finding AS other
        WHERE other.id <> f.id AND other.done_at IS NOT NULL AND other.received_currency = f.received_currency
          AND (other.transfer_id = f.transfer_id
               OR f.transfer_id IS NULL AND other.transfer_id IS NULL AND EXISTS (
                   SELECT FROM public.payments_share AS mine
                   JOIN public.payments_share AS theirs ON theirs.line_id = mine.line_id
                   WHERE mine.finding_id = f.id AND theirs.finding_id = other.id))), 0)
    FROM public.payments_finding AS f WHERE f.id = finding
$$;

CREATE FUNCTION public.transfers_check_approval() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    finding public.payments_finding%ROWTYPE;
BEGIN
    SELECT * INTO finding FROM public.payments_finding AS f WHERE f.id = NEW.finding_id FOR UPDATE;
    IF finding.superseded_at IS NOT NULL OR finding.done_at IS NOT NULL THEN
        RAISE EXCEPTION 'the finding was replaced or carried out' USING ERRCODE = 'IP020';
    END IF;
    IF finding.evidence <> 'STATEMENT' AND finding.made_by_id = NEW.by_id THEN
        RAISE EXCEPTION 'whoever gave the facts may not approve them' USING ERRCODE = 'IP020';
    END IF;
    IF EXISTS (
        SELECT FROM public.payments_share AS s
        JOIN public.payments_bankline AS l ON l.id = s.line_id
        LEFT JOIN public.payments_statementfile AS f ON f.id = l.file_id
        WHERE s.finding_id = finding.id AND (f.imported_by_id = NEW.by_id OR l.file_id IS NULL AND l.entered_by_id = NEW.by_id)
    ) THEN
        RAISE EXCEPTION 'whoever brought the bank line may not approve it' USING ERRCODE = 'IP020';
    END IF;
    IF EXISTS (
        SELECT FROM public.wallet_member AS m
        WHERE m.user_id = NEW.by_id AND m.organisation_id = finding.organisation_id
    ) THEN
        RAISE EXCEPTION 'nobody approves for an organisation he belongs to' USING ERRCODE = 'IP020';
    END IF;
    IF NOT EXISTS (SELECT FROM public.wallet_user AS u WHERE u.id = NEW.by_id AND u.is_active AND u.is_staff) THEN
        RAISE EXCEPTION 'only active staff approve' USING ERRCODE = 'IP020';
    END IF;
    RETURN NEW;
END
$$;

-- A finding's evidence is the statement only when every line it rests on came from one; and a share is added only by
-- whoever writes the finding, before anybody has approved it.
CREATE FUNCTION public.transfers_check_share() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    finding public.payments_finding%ROWTYPE;
BEGIN
    SELECT * INTO finding FROM public.payments_finding AS f WHERE f.id = NEW.finding_id FOR UPDATE;
    IF finding.done_at IS NOT NULL OR finding.superseded_at IS NOT NULL
       OR EXISTS (SELECT FROM public.payments_approval AS a WHERE a.finding_id = finding.id) THEN
        RAISE EXCEPTION 'an approved finding is never changed' USING ERRCODE = 'IP022';
    END IF;
    IF finding.evidence = 'STATEMENT' AND NOT EXISTS (
        SELECT FROM public.payments_bankline AS l WHERE l.id = NEW.line_id AND l.file_id IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the statement does not have this line' USING ERRCODE = 'IP022';
    END IF;
    IF EXISTS (
        SELECT FROM public.payments_bankline AS l
        WHERE l.id = NEW.line_id AND (l.direction <> 'IN' OR l.amount_currency <> finding.received_currency)
    ) THEN
        RAISE EXCEPTION 'the line is not money that came in, of the currency found' USING ERRCODE = 'IP022';
    END IF;
    -- 00000000-0000-7000-8000-000000000001 is the house: whose money its suspense holds, nobody knows yet.
    IF finding.evidence = 'STATEMENT' AND EXISTS (
        SELECT FROM public.payments_bankline AS l
        WHERE l.id = NEW.line_id AND l.held_by_id <> '00000000-0000-7000-8000-000000000001'
          AND l.held_by_id <> finding.organisation_id
    ) THEN
        RAISE EXCEPTION 'that a line is another customer''s money is a judgement' USING ERRCODE = 'IP022';
    END IF;
    RETURN NEW;
END
$$;

-- Only the end of a finding is ever written: replaced, or carried out by enough approvals for exactly its shares.
CREATE FUNCTION public.transfers_check_finding() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    needed integer;
    given integer;
    shared numeric;
BEGIN
    IF OLD.done_at IS NOT NULL OR OLD.superseded_at IS NOT NULL
       OR to_jsonb(OLD) - ARRAY['done_at', 'superseded_at', 'credited_order_id']
          <> to_jsonb(NEW) - ARRAY['done_at', 'superseded_at', 'credited_order_id'] THEN
        RAISE EXCEPTION 'a finding is never changed: write another' USING ERRCODE = 'IP022';
    END IF;
    IF NEW.done_at IS NOT NULL THEN
        SELECT count(*) INTO given FROM public.payments_approval AS a
        JOIN public.wallet_user AS u ON u.id = a.by_id
        WHERE a.finding_id = NEW.id AND u.is_active AND u.is_staff AND NOT EXISTS (
            SELECT FROM public.wallet_member AS m WHERE m.user_id = u.id AND m.organisation_id = NEW.organisation_id);
        needed := public.transfers_persons_needed(NEW.received_currency, public.transfers_at_stake(NEW.id));
        IF given < needed THEN
            RAISE EXCEPTION '% of % people have approved', given, needed USING ERRCODE = 'IP021';
        END IF;
        SELECT coalesce(sum(s.amount), 0) INTO shared FROM public.payments_share AS s WHERE s.finding_id = NEW.id;
        IF shared <> NEW.received THEN
            RAISE EXCEPTION 'the shares are not what was received' USING ERRCODE = 'IP021';
        END IF;
    END IF;
    RETURN NEW;
END
$$;

-- An allocation moves its line's `allocated` on; the line's own CHECK refuses more than the line. What credits an order
-- is covered by a finding that was carried out.
CREATE FUNCTION public.transfers_allocate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    finding public.payments_finding%ROWTYPE;
    spent numeric;
BEGIN
    UPDATE public.payments_bankline AS l SET allocated = l.allocated + NEW.amount WHERE l.id = NEW.line_id;
    IF NEW.kind = 'CREDITED' THEN
        SELECT * INTO finding FROM public.payments_finding AS f WHERE f.id = NEW.finding_id FOR UPDATE;
        SELECT coalesce(sum(a.amount), 0) INTO spent
        FROM public.payments_allocation AS a WHERE a.finding_id = NEW.finding_id;
        IF finding.done_at IS NULL OR finding.organisation_id <> NEW.organisation_id OR spent > finding.received THEN
            RAISE EXCEPTION 'no approved finding covers this allocation' USING ERRCODE = 'IP023';
        END IF;
    END IF;
    RETURN NULL;
END
$$;

-- What the bank said of a line never changes; only who holds it, its pile, and a statement that confirms a typed one.
CREATE FUNCTION public.transfers_check_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (OLD.id, OLD.account_id, OLD.direction, OLD.amount, OLD.amount_currency, OLD.created_at)
       IS DISTINCT FROM (NEW.id, NEW.account_id, NEW.direction, NEW.amount, NEW.amount_currency, NEW.created_at) THEN
        RAISE EXCEPTION 'a bank line is never changed' USING ERRCODE = 'IP022';
    END IF;
    IF OLD.file_id IS NOT NULL AND (OLD.file_id, OLD.bank_reference, OLD.booked_on, OLD.value_on, OLD.occurrence)
       IS DISTINCT FROM (NEW.file_id, NEW.bank_reference, NEW.booked_on, NEW.value_on, NEW.occurrence) THEN
        RAISE EXCEPTION 'a line of a statement is never changed' USING ERRCODE = 'IP022';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER transfers_check_approval BEFORE INSERT ON public.payments_approval
    FOR EACH ROW EXECUTE FUNCTION public.transfers_check_approval();
CREATE TRIGGER transfers_keep_approval BEFORE UPDATE OR DELETE ON public.payments_approval
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
CREATE TRIGGER transfers_check_share BEFORE INSERT ON public.payments_share
    FOR EACH ROW EXECUTE FUNCTION public.transfers_check_share();
CREATE TRIGGER transfers_keep_share BEFORE UPDATE OR DELETE ON public.payments_share
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
CREATE TRIGGER transfers_check_finding BEFORE UPDATE ON public.payments_finding
    FOR EACH ROW EXECUTE FUNCTION public.transfers_check_finding();
CREATE TRIGGER transfers_keep_finding BEFORE DELETE ON public.payments_finding
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
CREATE TRIGGER transfers_allocate AFTER INSERT ON public.payments_allocation
    FOR EACH ROW EXECUTE FUNCTION public.transfers_allocate();
CREATE TRIGGER transfers_keep_allocation BEFORE UPDATE OR DELETE ON public.payments_allocation
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();
CREATE TRIGGER transfers_check_line BEFORE UPDATE ON public.payments_bankline
    FOR EACH ROW EXECUTE FUNCTION public.transfers_check_line();
CREATE TRIGGER transfers_keep_act BEFORE UPDATE OR DELETE ON public.payments_deskact
    FOR EACH ROW EXECUTE FUNCTION public.transfers_refuse();

REVOKE ALL ON FUNCTION public.transfers_allocate() FROM PUBLIC;

ALTER TABLE payments_bankline ADD CONSTRAINT bank_line_in_its_accounts_currency
    FOREIGN KEY (account_id, amount_currency) REFERENCES payments_bankaccount (id, currency);
ALTER TABLE payments_transfer ADD CONSTRAINT transfer_in_its_organisation
    FOREIGN KEY (organisation_id, order_id) REFERENCES billing_order (organisation_id, id);
ALTER TABLE payments_transfer ADD CONSTRAINT transfer_in_its_accounts_currency
    FOREIGN KEY (account_id, amount_currency) REFERENCES payments_bankaccount (id, currency);
ALTER TABLE payments_slip ADD CONSTRAINT slip_in_its_organisation
    FOREIGN KEY (organisation_id, transfer_id) REFERENCES payments_transfer (organisation_id, id);
ALTER TABLE payments_finding ADD CONSTRAINT finding_in_its_organisation
    FOREIGN KEY (organisation_id, transfer_id) REFERENCES payments_transfer (organisation_id, id);
ALTER TABLE payments_finding ADD CONSTRAINT finding_credits_in_its_organisation
    FOREIGN KEY (organisation_id, credited_order_id) REFERENCES billing_order (organisation_id, id);
ALTER TABLE payments_allocation ADD CONSTRAINT allocation_credits_in_its_organisation
    FOREIGN KEY (organisation_id, order_id) REFERENCES billing_order (organisation_id, id);
