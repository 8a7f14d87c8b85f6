"""Write what a list shows, all of it, as one file."""
