"""What goes out: the queries and the answers of the reader."""
