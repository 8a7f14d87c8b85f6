"""Read stored rows: pages of events, deliveries and refused requests, and their counts."""
