"""What is older than it is to be kept goes, and with it all that was made of it."""
