"""Photographs to latents and back: the search, the tuning of a generator, pasting, and files of faces."""
