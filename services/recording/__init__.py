"""The recorder: move the journal into the tables, each record once."""
