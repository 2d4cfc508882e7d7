"""Plain values that people give, checked at the door: seeds and strengths. No torch."""
