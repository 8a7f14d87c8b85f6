"""Monitoring: whether callbacks arrive, and what happened when they did not."""
