"""Write all rows of a list to one file."""
