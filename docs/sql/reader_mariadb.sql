-- Create lifecycle_reader, a user that can read every table and view, but for query strings, and do
-- nothing else. Run this in the database of the service, as root, with the variable @password set;
-- docs/queries.md shows how. Run it again to change the password, and after an upgrade.

-- Without a password this is a syntax error, and no user is created.
SET @identified = CONCAT(' IDENTIFIED BY ', QUOTE(NULLIF(@password, '')));
SET @statement = CONCAT('CREATE USER IF NOT EXISTS lifecycle_reader@''%''', @identified);
PREPARE statement FROM @statement;
EXECUTE statement;

-- Leave the service its connections, however many a reporting tool would open. Limit statements as
-- well: a migration waits for open reads, and the recorder waits for the migration. MySQL has no such
-- time limit and skips it.
SET @limits = ' WITH MAX_USER_CONNECTIONS 10 /*M!100101 MAX_STATEMENT_TIME 60 */';
SET @statement = CONCAT('ALTER USER lifecycle_reader@''%''', @identified, @limits);
PREPARE statement FROM @statement;
EXECUTE statement;

-- One by one: with the Sign of a query string a reader could send callbacks for a minute, and a
-- grant for a whole database cannot leave out a column. EXPLAIN needs SHOW VIEW.
GRANT SELECT, SHOW VIEW ON channel_history TO lifecycle_reader@'%';
GRANT SELECT, SHOW VIEW ON group_history TO lifecycle_reader@'%';
GRANT SELECT, SHOW VIEW ON channels_now TO lifecycle_reader@'%';
GRANT SELECT, SHOW VIEW ON groups_now TO lifecycle_reader@'%';
GRANT SELECT, SHOW VIEW ON members_at_end TO lifecycle_reader@'%';
GRANT SELECT, SHOW VIEW ON callback_problems TO lifecycle_reader@'%';
GRANT SELECT ON commands TO lifecycle_reader@'%';
GRANT SELECT ON lifecycle_events TO lifecycle_reader@'%';
GRANT SELECT ON event_members TO lifecycle_reader@'%';
GRANT SELECT ON subjects TO lifecycle_reader@'%';
GRANT SELECT ON labels TO lifecycle_reader@'%';
GRANT SELECT ON minute_counts TO lifecycle_reader@'%';
GRANT SELECT ON hour_counts TO lifecycle_reader@'%';
GRANT SELECT ON total_counts TO lifecycle_reader@'%';
GRANT SELECT ON service_events TO lifecycle_reader@'%';
GRANT SELECT ON lost_callbacks TO lifecycle_reader@'%';
GRANT SELECT ON differences TO lifecycle_reader@'%';
GRANT SELECT ON readings TO lifecycle_reader@'%';
GRANT SELECT ON ledger TO lifecycle_reader@'%';
GRANT SELECT ON journal_marks TO lifecycle_reader@'%';
GRANT SELECT ON alembic_version TO lifecycle_reader@'%';
GRANT SELECT (id, uuid, received_at, sdk_app_id, command_id, verdict, errors, duplicate_of,
    reverified_at, imported_at, peer, body, unstored_bytes) ON deliveries TO lifecycle_reader@'%';
GRANT SELECT (id, uuid, received_at, reason, sdk_app_id, sender, peer, body, body_bytes)
    ON quarantined_requests TO lifecycle_reader@'%';
DEALLOCATE PREPARE statement;
SET @password = NULL, @identified = NULL, @statement = NULL;
