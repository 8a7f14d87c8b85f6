"""The commands that look after the service."""
