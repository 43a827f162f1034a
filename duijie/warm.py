"""Imported once by the server that processes are forked from: what they all need is then there at once.

Importing it has this one effect on purpose; nothing else imports it.
"""

import importlib

from bridge.vocabulary.parties import Side
from simulators.exchange.client import preload

for _name in (
    "bridge.runtime",
    "duijie.serve",
    "simulators.control",
    "simulators.process",
    "simulators.grid.platform",
    "simulators.grid.service",
    "simulators.urban.platform",
    "simulators.urban.service",
):
    importlib.import_module(_name)
for _side in Side:
    preload(_side)
