-- Create lifecycle_reader, a role that can read every table and view, but for query strings, and do
-- nothing else. Run this in the database of the service, as a superuser or the owner of the database,
-- with the variable password set; docs/queries.md shows how. Run it again to change the password.

DO $$
DECLARE
    log_owner name := (
        SELECT tableowner FROM pg_tables WHERE schemaname = 'public' AND tablename = 'deliveries'
    );
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lifecycle_reader') THEN
        CREATE ROLE lifecycle_reader;
    END IF;
    -- By default every role can fill the disk with temporary tables, and before PostgreSQL 15 with
    -- others too. The owner of the tables needs this to migrate, so it keeps the right by name.
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA public TO %I', log_owner);
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), log_owner);
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO lifecycle_reader', current_database());
    -- Later migrations create more tables; the role can read these as well.
    EXECUTE format(
        'ALTER DEFAULT PRIVILEGES FOR ROLE %I IN SCHEMA public '
        'GRANT SELECT ON TABLES TO lifecycle_reader',
        log_owner
    );
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO lifecycle_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO lifecycle_reader;

-- With the Sign of a query string, a reader could send callbacks for a minute. A partition is read
-- through its table, as months come and go.
DO $$
DECLARE
    request record;
    part regclass;
BEGIN
    FOR part IN SELECT oid FROM pg_class WHERE relispartition AND relkind = 'r'
        AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM lifecycle_reader', part);
    END LOOP;
    FOR request IN
        SELECT table_name, string_agg(quote_ident(column_name), ', ') AS columns
        FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name <> 'query_string'
            AND table_name IN ('deliveries', 'quarantined_requests')
        GROUP BY table_name
    LOOP
        EXECUTE format('REVOKE SELECT ON %I FROM lifecycle_reader', request.table_name);
        EXECUTE format(
            'GRANT SELECT (%s) ON %I TO lifecycle_reader', request.columns, request.table_name
        );
    END LOOP;
END $$;

-- Leave the service its connections, however many a reporting tool would open.
ALTER ROLE lifecycle_reader LOGIN CONNECTION LIMIT 10 PASSWORD :'password';
ALTER ROLE lifecycle_reader SET default_transaction_read_only = on;
-- A migration waits for open reads, and the recorder waits for the migration.
ALTER ROLE lifecycle_reader SET statement_timeout = '60s';
ALTER ROLE lifecycle_reader SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE lifecycle_reader SET TimeZone = 'UTC';
