"""Worlds that are harder than ``mini``, made from it: what benchmarks/worlds.py measures in."""
