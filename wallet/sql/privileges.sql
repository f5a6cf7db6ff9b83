-- What the application's role may do; its name is put in by the migration. Everything with ordinary tables, nothing with
-- the ledger's but read them and call the functions that write them.

GRANT USAGE ON SCHEMA public TO %(role)s;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %(role)s;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO %(role)s;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %(role)s;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %(role)s;

REVOKE ALL ON public.wallet_account, public.wallet_posting, public.wallet_entry, public.wallet_sealedday,
    public.django_migrations FROM PUBLIC, %(role)s;
GRANT SELECT ON public.wallet_account, public.wallet_posting, public.wallet_entry, public.wallet_sealedday,
    public.django_migrations TO %(role)s;

-- What an audit found stays found.
REVOKE UPDATE, DELETE ON public.wallet_auditrun FROM %(role)s;

-- No temporary tables: PostgreSQL lets everybody have them, and copies no such REVOKE into a new database.
DO $do$
BEGIN
    EXECUTE format('REVOKE TEMPORARY, CREATE ON DATABASE %%I FROM PUBLIC, %%I', current_database(), %(literal)s);
END
$do$;
