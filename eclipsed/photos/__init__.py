"""Photographs as pixels: reading them, finding and aligning faces, and where a face came from."""
