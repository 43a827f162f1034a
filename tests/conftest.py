"""Every run tries the same generated examples, so that a red test stays red until it is mended; and no two workers use the same ports."""

import itertools
import os

from hypothesis import settings

from duijie import processes

settings.register_profile("seeded", derandomize=True, deadline=None)
settings.load_profile("seeded")

# Tests count on nobody listening where nobody was started; another worker must not choose the same port.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if _WORKER.startswith("gw"):
    processes._next_port = itertools.count(int(_WORKER[2:]) * 3_000)
