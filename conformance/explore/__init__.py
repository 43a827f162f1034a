"""Exploration: made-up sequences of acts and faults, held against a small model of the life of a case."""
