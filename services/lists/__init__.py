"""What lists and the page of a user tell of subjects beyond rows: names then, order, belonging."""
