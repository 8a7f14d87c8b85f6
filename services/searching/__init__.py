"""What was typed, the subjects and users it finds by name or ID, and the lists it suggests."""
