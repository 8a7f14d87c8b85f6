"""What follows from events: the present states of subjects, and the labels of the search."""
