"""The law: pure functions and tables over the shared words. No clock, no store, no wire."""
