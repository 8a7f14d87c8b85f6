"""Import callbacks from another database, each once, with its own time of arrival."""
