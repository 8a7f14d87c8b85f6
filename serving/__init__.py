"""Serve the three processes."""
