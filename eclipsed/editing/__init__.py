"""Faces moved along directions: edits, blending, stacks of edits and their replay."""
