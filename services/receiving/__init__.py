"""The receiver: verify each callback and make it durable, without a database."""
