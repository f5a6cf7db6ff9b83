-- What a posting did to one account, right after it was posted, in the same statement: a volatile function sees what
-- the statement has written so far, a join would not.

CREATE FUNCTION public.ledger_read_posting(posting uuid, account_code text)
RETURNS TABLE (balance_after numeric, posted_at timestamptz, memo text)
LANGUAGE plpgsql VOLATILE STRICT ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
        SELECT entry.balance_after, fact.posted_at, fact.memo::text
        FROM public.wallet_posting AS fact
        JOIN public.wallet_entry AS entry ON entry.posting_id = fact.id
        JOIN public.wallet_account AS account ON account.id = entry.account_id AND account.code = account_code
        WHERE fact.id = posting
        ORDER BY entry.position DESC LIMIT 1;
END
$$;
