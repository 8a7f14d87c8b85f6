"""The journal: files on disk that hold every callback before any table does."""
