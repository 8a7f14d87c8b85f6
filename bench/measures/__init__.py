"""What can be measured, one file for each question."""
