"""Where the scenario library lies: beside the packages, in a checkout and when installed."""

from pathlib import Path


def library_folder() -> Path:
    """The folder of the shipped scenarios."""
    return Path(__file__).parents[1] / "scenarios"
