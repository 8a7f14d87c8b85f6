"""Take in callbacks that another database had, each once, with its own time of arrival."""
