"""Photographs: reading them, finding and aligning faces, turning these into latents, and pasting edits back."""
