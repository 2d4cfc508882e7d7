"""What a kind of picture is made of: its parts, groups, words and captions. Data; no torch."""
