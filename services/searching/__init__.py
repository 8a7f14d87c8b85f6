"""Search: what was typed, what it finds, and the lists that answer it otherwise."""
