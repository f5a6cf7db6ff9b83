-- The least that a posting can be: one journal row, two entries, two balances; no rule is kept. In the bench's database only.

CREATE TABLE bench_balance (id uuid PRIMARY KEY, balance numeric(20, 6) NOT NULL);
CREATE TABLE bench_journal (id uuid PRIMARY KEY, key text NOT NULL UNIQUE, posted_at timestamptz NOT NULL);
CREATE TABLE bench_entry (
    id uuid PRIMARY KEY, journal_id uuid NOT NULL REFERENCES bench_journal, account_id uuid NOT NULL REFERENCES bench_balance,
    amount numeric(20, 6) NOT NULL
);
INSERT INTO bench_balance (id, balance)
SELECT ('00000000-0000-7000-8000-00000000' || side || lpad(to_hex(client), 2, '0'))::uuid, 0
FROM unnest(ARRAY['01', '02']) AS side CROSS JOIN generate_series(0, 15) AS client;

CREATE FUNCTION bench_post(journal uuid, key text, at timestamptz, source uuid, target uuid, amount numeric)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public
AS $$
BEGIN
    INSERT INTO bench_journal VALUES (journal, bench_post.key, at);
    INSERT INTO bench_entry
    VALUES (uuidv7(), journal, source, -bench_post.amount), (uuidv7(), journal, target, bench_post.amount);
    UPDATE bench_balance AS account SET balance = account.balance - bench_post.amount WHERE account.id = source;
    UPDATE bench_balance AS account SET balance = account.balance + bench_post.amount WHERE account.id = target;
    RETURN journal;
END
$$;
