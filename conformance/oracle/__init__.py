"""The judge of a finished run: reads the trace of what crossed the wires and says, clause by clause, whether it was right."""
