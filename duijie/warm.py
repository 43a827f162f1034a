"""Imported once by the server that processes are forked from: what they all need is then there at once.

Importing it has this one effect on purpose; nothing else imports it.
"""

import gc
import importlib
import tempfile

from bridge.stores.sql import SqlStore
from bridge.vocabulary.parties import Side
from simulators.city import Town
from simulators.exchange.client import preload

for _name in (
    "alembic.command",
    "bridge.runtime",
    "duijie.pair",
    "simulators.control",
    "simulators.process",
    "simulators.grid.platform",
    "simulators.urban.platform",
):
    importlib.import_module(_name)
for _side in Side:
    preload(_side)
    importlib.import_module(f"simulators.{_side.value}.service").preload()
with tempfile.TemporaryDirectory(prefix="duijie-") as _folder:
    _store = SqlStore(f"sqlite:///{_folder}/any.db")
    _store.prepare()
    _store.close()
# The town of the usual seed.
Town.build(1)
# Children share what is there now; a collector that looked at it would copy every page of it into each of them.
gc.freeze()
