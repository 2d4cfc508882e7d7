"""What an edit did: measured on faces that training never saw, and compared with other edits."""
