"""Rows as they are stored: pages of events, deliveries and refused requests, and their counts."""
