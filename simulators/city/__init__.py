"""A made-up town with real district codes: places, people, departments, seats. The same seed builds the same town."""

from simulators.city.town import Town

__all__ = ["Town"]
