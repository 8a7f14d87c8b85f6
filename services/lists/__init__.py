"""Many channels and groups: sorted, counted, of one user, or behind the events of a list."""
