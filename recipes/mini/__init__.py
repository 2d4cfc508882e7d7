"""Everything that made the model set ``mini``: portraits, captions, trainings, the judge."""
