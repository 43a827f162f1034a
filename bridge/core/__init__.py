"""The engine: what happened goes in, the new state and what is to be done come out. It knows no socket, clock or XML."""
