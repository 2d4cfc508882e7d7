"""Plain values that people give, checked at the door: numbers, seeds and strengths. No torch."""
