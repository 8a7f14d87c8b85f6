"""The search: what was typed, what it finds by name or ID, and the lists it suggests."""
