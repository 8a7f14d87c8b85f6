"""A week of a made-up app, to look at."""
