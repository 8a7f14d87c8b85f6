"""The work of the commands that maintain the service."""
