"""The recorder: move the journal into the tables, once each."""
