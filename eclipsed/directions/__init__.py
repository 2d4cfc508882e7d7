"""The door of every way to a direction: finders, margins, and the calibration that gives each its alpha = 1."""
