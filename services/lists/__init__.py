"""Many channels and groups: by name, by time, of one user, or behind the events of a list."""
