"""Lists of channels and groups: sorted, counted, of one user, or behind a list of events."""
