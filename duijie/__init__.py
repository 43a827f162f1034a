"""The front door: the command line, and the stages on which the pair runs. The only place that wires everything together."""

__version__ = "0.1.0"
