"""What docs/control-port.md tells a stranger to send works as it stands there."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from duijie.processes import free_port
from duijie.profiles_io import EXAMPLE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "control-port.md").read_text(encoding="utf-8")
TOKEN = re.search(r"^export DUIJIE_CONTROL_TOKEN=(\S+)", PAGE, re.MULTILINE)[1]
OPENED = {"Authorization": f"Bearer {TOKEN}"}
STARTED = re.findall(r"^duijie (\w+ --direct) --control-port (\d+)", PAGE, re.MULTILINE)
CURLS = re.findall(r"127\.0\.0\.1:(\d+)/acts/([\w.]+).*?-d '(\{.*?\})'", PAGE, re.DOTALL)
ROWS = re.findall(r"^\| (\d+) \| `([\w.]+)` \| (?:`([^`]*)` )?\|$", PAGE, re.MULTILINE)


@pytest.mark.live
def test_a_case_lives_from_report_to_closing_by_the_requests_of_the_page(tmp_path):
    taken: set[int] = set()

    def fresh() -> int:
        port = next(port for port in iter(free_port, None) if port not in taken)
        taken.add(port)
        return port

    profile = EXAMPLE.read_text(encoding="utf-8")
    for port in ("8100", "8101", "8102"):
        profile = profile.replace(f"127.0.0.1:{port}", f"127.0.0.1:{fresh()}")
    (tmp_path / "profile.yaml").write_text(profile, encoding="utf-8")
    ports = {named: fresh() for _, named in STARTED}
    assert len(ports) == 2
    common = ["--calm", "--profile", str(tmp_path / "profile.yaml")]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "duijie", *words.split(), *common, "--control-port", str(ports[named])],
            cwd=ROOT,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "DUIJIE_CONTROL_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for words, named in STARTED
    ]
    try:
        for process in processes:
            assert process.stdout.readline()
        case = None
        for port, act, body in [*CURLS, *((port, act, f"{{{more}}}") for port, act, more in ROWS)]:
            params = json.loads(body) | ({} if case is None else {"case": case})
            answer = httpx.post(f"http://127.0.0.1:{ports[port]}/acts/{act}", json=params, headers=OPENED)
            assert answer.status_code == 200, (act, answer.text)
            case = case or answer.json()["case"]
            until_all_is_quiet(ports.values())
        for port in ports.values():
            seen = httpx.get(f"http://127.0.0.1:{port}/asks/case", params={"case": case}, headers=OPENED).json()
            assert "closed" in (seen.get("state"), seen.get("status"))
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
            process.stdout.close()


def until_all_is_quiet(ports) -> None:
    """As the page's last section says: everybody quiet, twice in a row, with the same inputs."""
    end = time.monotonic() + 30
    before = None
    while time.monotonic() < end:
        said = [httpx.get(f"http://127.0.0.1:{port}/quiet", headers=OPENED).json() for port in ports]
        now = [one["inputs"] for one in said] if all(one["quiet"] for one in said) else None
        if now is not None and now == before:
            return
        before = now
    pytest.fail("the platforms did not come to rest")
