"""The rules of the log: which requests are accepted, what is stored, and what readers get."""
