-- Makes lifecycle_reader, a user who reads the log and does nothing else. Run it in the database of
-- the log, as root, with the variable @password set: docs/queries.md shows how. Run it again to
-- change the password.

-- Without a password this becomes a syntax error, and nobody is made.
SET @identified = CONCAT(' IDENTIFIED BY ', QUOTE(NULLIF(@password, '')));
SET @statement = CONCAT('CREATE USER IF NOT EXISTS lifecycle_reader@''%''', @identified);
PREPARE statement FROM @statement;
EXECUTE statement;

-- The service keeps its connections, however many a reader's tools would like to open; and a
-- migration waits for whoever reads, as callbacks for the migration. MySQL has no such time limit
-- and skips it.
SET @limits = ' WITH MAX_USER_CONNECTIONS 10 /*M!100101 MAX_STATEMENT_TIME 60 */';
SET @statement = CONCAT('ALTER USER lifecycle_reader@''%''', @identified, @limits);
PREPARE statement FROM @statement;
EXECUTE statement;

-- _ and % stand for other characters here, so they would let in to databases of similar names.
-- SHOW VIEW is for EXPLAIN.
SET @log = REPLACE(REPLACE(DATABASE(), '_', '\\_'), '%', '\\%');
SET @statement = CONCAT('GRANT SELECT, SHOW VIEW ON `', @log, '`.* TO lifecycle_reader@''%''');
PREPARE statement FROM @statement;
EXECUTE statement;
DEALLOCATE PREPARE statement;
SET @password = NULL, @identified = NULL, @statement = NULL;
