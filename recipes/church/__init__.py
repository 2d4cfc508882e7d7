"""How ``mini-church`` is made: churches in a landscape."""
