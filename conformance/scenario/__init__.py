"""Scenarios: stories in YAML, their reader, and the runner that plays them on a stage."""
