-- Sealing a day: nothing is posted on it any more, and its hash holds all that was. The day is over by the caller's
-- clock and by the database's: a day sealed too early, or years ahead, would never open again.

CREATE FUNCTION public.ledger_seal_day(day date, sealed_at timestamptz, by text)
RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    previous public.wallet_sealedday;
    first_hash bytea;
BEGIN
    PERFORM public.ledger_check_isolation();
    PERFORM public.ledger_check_moment(sealed_at);
    PERFORM pg_advisory_xact_lock(hashtext('ledger seal'));
    SELECT sealed.hash INTO first_hash FROM public.wallet_sealedday AS sealed WHERE sealed.day = ledger_seal_day.day;
    IF FOUND THEN
        RETURN first_hash;
    END IF;
    SELECT * INTO previous FROM public.wallet_sealedday AS sealed ORDER BY sealed.day DESC LIMIT 1;
    IF day >= (least(sealed_at, now()) AT TIME ZONE 'Asia/Shanghai')::date OR day <> previous.day + 1 THEN
        RAISE EXCEPTION 'day % cannot be sealed', day
            USING ERRCODE = 'IP008', DETAIL = jsonb_build_object('day', day, 'next', previous.day + 1)::text;
    END IF;
    -- Whoever posts takes the day before the table: here the same order.
    PERFORM pg_advisory_xact_lock(public.ledger_day_lock(day));
    IF previous.day IS NULL THEN
        -- The first seal holds all days until its own: it waits once for everybody who has asked what is sealed, and
        -- whoever asks from now on is answered when it is there.
        LOCK TABLE public.wallet_sealedday IN ACCESS EXCLUSIVE MODE;
    END IF;
    INSERT INTO public.wallet_sealedday AS sealed (day, posting_count, hash, by, sealed_at)
    SELECT ledger_seal_day.day, count(*),
           public.ledger_day_hash(previous.hash, previous.day, ledger_seal_day.day), ledger_seal_day.by,
           ledger_seal_day.sealed_at
    FROM public.wallet_posting AS posting
    WHERE posting.business_date <= ledger_seal_day.day
      AND (previous.day IS NULL OR posting.business_date > previous.day)
    RETURNING sealed.hash INTO first_hash;
    RETURN first_hash;
END
$$;
