"""The receiver: verify each callback and make it durable; no database is opened here."""
