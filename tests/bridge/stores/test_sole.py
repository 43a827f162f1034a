"""There is one bridge per store, and a crash leaves no claim behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.stores.sole import Claim
from bridge.stores.sql import StoreNotOpened

ROOT = Path(__file__).parents[3]


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'bridge.db'}"


def test_a_second_claim_is_refused_in_one_sentence_until_the_first_is_released(tmp_path: Path) -> None:
    first = Claim(url(tmp_path))
    with pytest.raises(StoreNotOpened, match="another bridge uses the store") as refused:
        Claim(url(tmp_path))
    assert len(str(refused.value).splitlines()) == 1
    first.release()
    Claim(url(tmp_path)).release()


def test_a_claim_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    program = "import sys; from bridge.stores.sole import Claim; claim = Claim(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, url(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreNotOpened, match=f"process {holder.pid}"):
            Claim(url(tmp_path))
    finally:
        holder.kill()
        holder.communicate()
    Claim(url(tmp_path)).release()


def test_stores_of_different_names_do_not_meet(tmp_path: Path) -> None:
    claims = [Claim(url(tmp_path)), Claim(f"sqlite:///{tmp_path / 'other.db'}")]
    for claim in claims:
        claim.release()


def test_an_address_that_is_none_is_left_to_the_store_to_complain_of(tmp_path: Path) -> None:
    for address in ("no address", f"sqlite:///{tmp_path}/no/such/folder.db", "sqlite://"):
        Claim(address).release()


def test_a_lock_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bridge.db.lock").mkdir()
    with pytest.raises(StoreNotOpened, match=r"lock file .* cannot be written"):
        Claim(url(tmp_path))
