"""Checks that are made from a rule: one module for each family, with a function `scenarios` that yields names and texts."""
