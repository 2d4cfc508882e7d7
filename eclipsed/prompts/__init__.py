"""A sentence and what it says: its words, the region, contrasts, bystanders and the target. No torch."""
