"""A system whose certificate comes from a city's own authority is judged like any other, once the profile names that authority."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.vocabulary.parties import Side
from conformance.drivers.sut import load_sut
from conformance.scenario.steps import Quirkiness
from duijie.cli import main
from duijie.exits import Exit
from duijie.processes import free_port
from duijie.profiles_io import profile_of
from duijie.serve import simulator_process

pytestmark = pytest.mark.live
TLS = Path(__file__).parents[1] / "tls"
TOKEN = "t"
#: One check in which the suite's grid platform hands over and one in which a message is written by hand.
CHECKS = ("EXC-1-10/urban", "RCPT-3-107/urban")


def sut(control: int) -> str:
    certificate = (TLS / "localhost.pem").as_posix()
    return f"""format = "1.0"
[system]
role = "urban"
name = "某某城管"
[driver]
kind = "control"
address = "http://127.0.0.1:{control}"
token = "{TOKEN}"
[profile]
name = "behind-tls"
[profile.grid]
code = "wuhu-grid"
endpoint = "http://127.0.0.1:{free_port()}/soap"
username = "grid"
password = "grid-demo"
[profile.grid.tls]
authorities = "{(TLS / "authority.pem").as_posix()}"
[profile.urban]
code = "wuhu-urban"
endpoint = "https://127.0.0.1:{free_port()}/soap"
username = "urban"
password = "urban-demo"
[profile.urban.tls]
certificate = "{certificate}"
key = "{certificate}"
[profile.bridge]
endpoint = "http://127.0.0.1:1"
"""


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Path]:
    control = free_port()
    path = tmp_path / "sut.toml"
    path.write_text(sut(control), encoding="utf-8")
    profile = profile_of(load_sut(path))
    process = simulator_process(
        Side.URBAN,
        profile,
        seed=1,
        quirks=Quirkiness(),
        control_port=control,
        store=None,
        link=profile.grid.endpoint,
        started_at=None,
        control_token=TOKEN,
    )
    process.start()
    try:
        yield path
    finally:
        process.stop()


def test_its_checks_pass(system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    only = [word for check in CHECKS for word in ("--only", check)]
    assert main(["conform", "urban", "--sut", str(system), *only]) == Exit.OK
