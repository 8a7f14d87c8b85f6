-- Create lifecycle_reader, a user that can read every table and view, and do nothing else. Run this
-- in the database of the service, as root, with the variable @password set; docs/queries.md shows
-- how. Run it again to change the password.

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

-- _ and % are wildcards here: unescaped, they would grant access to databases with similar names.
-- EXPLAIN needs SHOW VIEW.
SET @database_name = REPLACE(REPLACE(DATABASE(), '_', '\\_'), '%', '\\%');
SET @statement = CONCAT('GRANT SELECT, SHOW VIEW ON `', @database_name, '`.* TO lifecycle_reader@''%''');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;
SET @password = NULL, @identified = NULL, @statement = NULL;
