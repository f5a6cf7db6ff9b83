-- Paid card orders of one organisation by the hundred thousand, as checkout and ledger leave them: order, two events,
-- payment, posting, two entries, and the balances after each. The audit has to find nothing in them.
-- %(first)s to %(last)s are their places; they were made evenly over the days from %(since)s to %(until)s.

CREATE UNLOGGED TABLE bench_fact AS
SELECT n,
       uuidv7(made.at - clock_timestamp()) AS order_id,
       uuidv7(made.at - clock_timestamp()) AS payment_id,
       uuidv7(made.at - clock_timestamp()) AS posting_id,
       made.at,
       made.at + interval '50 seconds' AS paid_at,
       'TU' || to_char(made.at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || (
           SELECT string_agg(substr('23456789ABCDEFGHJKLMNPQRSTUVWXYZ', (mixed.code >> (5 * place) & 31)::int + 1, 1), '')
           FROM generate_series(0, 9) AS place
       ) AS number,
       (10 + n %% 490)::numeric(20, 6) AS amount
FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
CROSS JOIN LATERAL (
    SELECT %(since)s::timestamptz
           + (%(until)s::timestamptz - %(since)s::timestamptz) * ((n - %(first)s)::float8 / (%(last)s - %(first)s + 1)) AS at
) AS made
CROSS JOIN LATERAL (SELECT (n * 25214903917 + %(salt)s) & ((1::bigint << 50) - 1) AS code) AS mixed;

INSERT INTO billing_order (
    id, number, target, method, paid_currency, paid, credited_currency, credited, rate_source, state, created_by_name,
    created_at, deadline_at, paid_at, created_by_id, organisation_id)
SELECT order_id, number, 'wallet', 'CARD', 'USD', amount, 'USD', amount, '', 'PAID', 'Alice',
       at, at + interval '1 day', paid_at, %(owner)s, %(organisation)s
FROM bench_fact ORDER BY n;

INSERT INTO billing_orderevent (id, state, at, by, note, detail, order_id, organisation_id)
SELECT uuidv7(moment.at - clock_timestamp()), moment.state, moment.at, moment.by, moment.note, '', order_id, %(organisation)s
FROM bench_fact AS fact CROSS JOIN LATERAL (VALUES
    ('PENDING', fact.at, 'Alice', 'OPENED'), ('PAID', fact.paid_at, 'Stripe', 'CARD_PAID')
) AS moment (state, at, by, note)
ORDER BY n, moment.at;

INSERT INTO payments_payment (
    id, method, state, amount_currency, amount, idempotency_key, session_request, session_id, session_url,
    session_expires_at, payment_intent_id, cancel_wished_by, stripe_status, created_at, asked_at, ask_at, confirmed_at,
    credited_order_id, order_id, organisation_id)
SELECT payment_id, 'CARD', 'CONFIRMED', 'USD', amount, payment_id::text, '{}', 'cs_test_' || payment_id, '',
       at + interval '1 day', 'pi_' || payment_id, '', 'complete / paid', at, paid_at, paid_at, paid_at,
       order_id, order_id, %(organisation)s
FROM bench_fact ORDER BY n;

INSERT INTO wallet_posting (
    id, key, content_hash, kind, order_number, memo, by, posted_at, business_date, organisation_id)
SELECT posting_id, 'order:' || number || ':credit',
       ledger_content_hash('TOP_UP', number, NULL, ARRAY[
           ledger_line_text('stripe_clearing', 'USD', 'DEBIT', amount), ledger_line_text('wallet', 'USD', 'CREDIT', amount)]),
       'TOP_UP', number, '', 'Stripe', paid_at, (paid_at AT TIME ZONE 'Asia/Shanghai')::date, %(organisation)s
FROM bench_fact ORDER BY n;

INSERT INTO wallet_account (
    id, code, account_class, normal_side, guarded, currency, balance, entry_count, opened_at, organisation_id)
SELECT uuidv7(), opened.code, chart.account_class, chart.normal_side, chart.guarded, 'USD', 0, 0, %(since)s, %(organisation)s
FROM unnest(ARRAY['stripe_clearing', 'wallet']) AS opened (code) CROSS JOIN LATERAL ledger_chart(opened.code) AS chart
ON CONFLICT DO NOTHING;

INSERT INTO wallet_entry (
    id, line, position, side, currency, amount, balance_after, account_id, organisation_id, posting_id)
SELECT uuidv7(fact.paid_at - clock_timestamp()), side.line, account.entry_count + fact.place, side.name, 'USD', fact.amount,
       account.balance + fact.reached, account.id, %(organisation)s, fact.posting_id
FROM (
    SELECT *, row_number() OVER steps AS place, sum(amount) OVER steps AS reached
    FROM bench_fact WINDOW steps AS (ORDER BY n)
) AS fact
CROSS JOIN (VALUES (1, 'DEBIT', 'stripe_clearing'), (2, 'CREDIT', 'wallet')) AS side (line, name, code)
JOIN wallet_account AS account
  ON account.organisation_id = %(organisation)s AND account.code = side.code AND account.currency = 'USD'
ORDER BY fact.n, side.line;

UPDATE wallet_account AS account
SET balance = account.balance + whole.amount, entry_count = account.entry_count + whole.entries
FROM (SELECT sum(amount) AS amount, count(*) AS entries FROM bench_fact) AS whole
WHERE account.organisation_id = %(organisation)s AND account.code IN ('stripe_clearing', 'wallet');

DROP TABLE bench_fact;
