-- The chart of accounts: class, normal side and guard by code. No row for a code that the chart does not have.

CREATE FUNCTION public.ledger_chart(code text)
RETURNS TABLE (account_class text, normal_side text, guarded boolean)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT chart.account_class, chart.normal_side, chart.guarded
    FROM (VALUES
        ('wallet(:held)?',                              'LIABILITY', 'CREDIT', true),
        ('product:[a-z0-9]+(-[a-z0-9]+)*(:held)?',      'LIABILITY', 'CREDIT', true),
        ('suspense',                                    'LIABILITY', 'CREDIT', true),
        ('receivable',                                  'ASSET',     'DEBIT',  true),
        ('stripe_clearing',                             'ASSET',     'DEBIT',  false),
        ('bank:[a-z0-9]+(-[a-z0-9]+)*',                 'ASSET',     'DEBIT',  false),
        ('fx',                                          'TRADING',   'CREDIT', false),
        ('fx_result',                                   'INCOME',    'CREDIT', false),
        ('bank_charges|stripe_fees|chargebacks',        'EXPENSE',   'DEBIT',  false),
        ('revenue:[a-z0-9]+(-[a-z0-9]+)*',              'INCOME',    'CREDIT', false)
    ) AS chart (pattern, account_class, normal_side, guarded)
    WHERE ledger_chart.code ~ ('^(' || chart.pattern || ')$')
$$;
