"""The reader: pages, filters, exports and counts, over a connection that can't write."""
