"""What follows from events: the present states of subjects, and what a search finds."""
