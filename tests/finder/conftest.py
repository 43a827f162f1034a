"""Puts the forms of the test town within reach of the machines."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "bridge"))
