"""Purge what is older than its retention, and everything that was made from it."""
