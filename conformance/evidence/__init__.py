"""The evidence of a run in one file that can be handed on: packed without secrets and names, sealed, verified, and compared with another."""
