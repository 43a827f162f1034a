"""What does `duijie observe` cost those whose traffic it passes on, and does a message cost more the more passed before it?

Callers hand cases over to an urban platform that receipts each in its response: directly, and through the proxy as it is shipped, which
reads, writes down and judges what passes. A message takes its time from the caller's first byte to its last.
"""

import http.client
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.messages import hand_over
from benchmarks.relay import Urban
from bridge.vocabulary.parties import Side
from bridge.vocabulary.profile import Profile
from bridge.wire import build_request
from duijie.processes import Child, free_port
from duijie.profiles_io import read_profile

#: Messages of one caller, one after the other, for the time that one takes.
ALONE = 1_000
#: Messages of several callers at once, for what the long run costs.
LONG_RUN = 10_000
CALLERS = 4


def main() -> None:
    """Print milliseconds for a message, directly and observed, alone and in the long run."""
    profile = read_profile(None)
    port = free_port()
    service = f"http://127.0.0.1:{port}/soap"
    urban = Child("urban", partial(Urban, profile, port))
    try:
        urban.start()
        urban.wait_ready()
        _say("directly", _one_by_one(service, profile, range(ALONE)))
        with tempfile.TemporaryDirectory() as folder:
            _observed(service, profile, Path(folder))
    finally:
        urban.stop()


def _observed(service: str, profile: Profile, folder: Path) -> None:
    observe = subprocess.Popen(
        [
            *(sys.executable, "-m", "duijie", "observe", "--json", "--quiet", "--trace", str(folder / "trace.jsonl")),
            *("--urban", service, "--urban-at", "127.0.0.1:0", "--grid", service, "--grid-at", "127.0.0.1:0"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert observe.stdout is not None
        listening = json.loads(observe.stdout.readline())
        address = listening["services"]["urban"]["address"]
        _say("observed", _one_by_one(address, profile, range(ALONE, 2 * ALONE)))
        with ThreadPoolExecutor(CALLERS) as callers:
            share = LONG_RUN // CALLERS
            shares = [range(2 * ALONE + n * share, 2 * ALONE + (n + 1) * share) for n in range(CALLERS)]
            times = list(callers.map(lambda numbers: _one_by_one(address, profile, numbers), shares))
        tenth = share // 10
        _say(f"observed, {CALLERS} callers, the first tenth of {LONG_RUN}", [t for each in times for t in each[:tenth]])
        _say(f"observed, {CALLERS} callers, the last tenth of {LONG_RUN}", [t for each in times for t in each[-tenth:]])
        began = time.perf_counter()
        observe.send_signal(signal.SIGINT)
        summary = json.loads(observe.stdout.read().splitlines()[-1])
        print(f"observing: {summary['ours']} messages judged, {time.perf_counter() - began:.1f} s after the end")
    finally:
        observe.kill()
        observe.wait()


def _one_by_one(address: str, profile: Profile, numbers: range) -> list[float]:
    parts = urlsplit(address)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    times = []
    for number in numbers:
        body = build_request(hand_over(number, profile), Side.URBAN, None)
        began = time.perf_counter()
        line.request("POST", parts.path, body, {"Content-Type": "text/xml; charset=utf-8"})
        line.getresponse().read()
        times.append((time.perf_counter() - began) * 1e3)
    line.close()
    return times


def _say(what: str, times: list[float]) -> None:
    cuts = statistics.quantiles(times, n=100)
    print(f"observing: {what}: median {cuts[49]:.2f} ms, 95 % within {cuts[94]:.2f} ms, 99 % within {cuts[98]:.2f} ms")
