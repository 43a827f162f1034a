"""A coverage-guided run over the readers: `tox -e fuzz-coverage -- --seconds 600 [--only bridge|simulators] [--seed N] [INPUT…]`.

Atheris changes the bytes of what the contract's samples and the table of awkward requests begin with, and keeps what
reaches new lines of the reader. An input is one HTTP request:

    side, Content-Type and Content-Encoding, one line each, then the body

One process a reader, both at a time. With the name of an INPUT (atheris writes one when something fails) only that is tried.
"""

import argparse
import logging
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from subprocess import Popen

HERE = Path(__file__).parent
READERS = ("bridge", "simulators")
INPUT_BYTES = 20_000


def main() -> int:
    """Run one reader, or all of them in processes of their own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=120, help="for how long")
    parser.add_argument("--seed", type=int, default=1, help="of the run; the same seed begins in the same way")
    parser.add_argument("--only", choices=READERS, help="one reader alone")
    parser.add_argument("--failures", type=Path, default=Path.cwd() / "fuzz-failures", help="where failing inputs go")
    parser.add_argument("inputs", nargs="*", type=Path, help="try these alone")
    asked = parser.parse_args()
    try:
        import atheris  # noqa: F401
    except ImportError:
        sys.stdout.write("skipped: atheris has no wheel for this interpreter and platform\n")
        return 0
    if asked.only:
        return _one_reader(asked)
    running = [Popen([sys.executable, __file__, "--only", reader, *sys.argv[1:]]) for reader in READERS]
    return max(abs(each.wait()) for each in running)


def _one_reader(asked: argparse.Namespace) -> int:
    import atheris

    sys.path[:0] = [str(HERE), str(HERE.parent)]
    with atheris.instrument_imports(include=["bridge.wire", "bridge.transports.endpoint", "simulators.exchange"]):
        import readers
    import wsgi_requests

    from bridge.vocabulary.parties import Side

    # A refused caller is worth a line in an operator's log, and thousands of them worth none here.
    logging.disable()
    sides = list(Side)

    def once(data: bytes) -> None:
        head = data.split(b"\n", 3)
        if len(head) < 4:
            return
        side, kind, coding, body = head
        request = wsgi_requests.Request(
            body,
            kind.decode("latin-1") or None,
            {"Content-Encoding": coding.decode("latin-1")} if coding else {},
        )
        where = sides[len(side) % 2]
        if asked.only == "bridge":
            readers.check_bridge(where, request)
            readers.check_answer(where, request)
        else:
            ours = readers.check_simulator(where, request)
            theirs = None if ours is None else readers.check_bridge(where, request)
            assert theirs is None or theirs == ours, (theirs, ours)

    if asked.inputs:
        for path in asked.inputs:
            once(path.read_bytes())
        sys.stdout.write(f"{len(asked.inputs)} inputs tried, nothing failed\n")
        return 0
    failures = asked.failures
    failures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        _write_corpus(Path(corpus))
        sys.stdout.write(f"{asked.only}: seed {asked.seed}, {asked.seconds} seconds, failing inputs go to {failures}\n")
        sys.stdout.flush()
        atheris.Setup(
            [
                sys.argv[0],
                f"-max_total_time={asked.seconds}",
                f"-seed={asked.seed}",
                f"-max_len={INPUT_BYTES}",
                f"-artifact_prefix={failures}/{asked.only}-",
                f"-dict={_write_words()}",
                "-timeout=20",
                "-rss_limit_mb=1024",
                "-print_final_stats=1",
                "-verbosity=1",
                corpus,
            ],
            once,
        )
        # Ends the process itself.
        atheris.Fuzz()
    return 0


def _write_corpus(folder: Path) -> None:
    """What the run begins with: every sample of the contract that can be asked or answered, and every awkward request."""
    from awkward import REQUESTS, SAMPLES

    import contracts
    from bridge.vocabulary.parties import Side

    seeds = [
        _input(path.name.partition("-")[0], path.read_bytes(), "text/xml; charset=utf-8", "")
        for path in sorted(contracts.SAMPLES.glob("*.xml"))
    ]
    for side in Side:
        for row in REQUESTS.values():
            raw = row.make(SAMPLES[side])
            if len(raw.body) < INPUT_BYTES:
                coding = raw.headers.get("Content-Encoding", "")
                seeds.append(_input(side.value, raw.body, raw.content_type or "", coding))
    for seed in seeds:
        (folder / sha256(seed).hexdigest()).write_bytes(seed)


def _input(side: str, body: bytes, content_type: str, coding: str) -> bytes:
    return b"\n".join((b"" if side == "grid" else b"u", content_type.encode(), coding.encode(), body))


def _write_words() -> Path:
    """The words that the readers look for, so that they need not be found letter by letter."""
    import re

    import contracts

    text = "".join(contracts.path(name).read_text(encoding="utf-8") for name in contracts.NAMES)
    words = {
        *re.findall(r'name="([A-Za-z]+)"', text),
        *("<![CDATA[", "]]>", "<!--", "-->", "<!DOCTYPE ", "<?xml ", "?>", "&#55362;&#57271;", "&#x", "xsi:nil"),
        *("--uuid:8f1c", "Content-ID: ", "cid:", "gb2312", "gb18030", "utf-16", "multipart/related; boundary="),
        *("24:00:00", "+0800", "soap:mustUnderstand", "gzip", "quoted-printable", "base64"),
    }
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in sorted(words))
    with tempfile.NamedTemporaryFile("w", suffix=".dict", delete=False, encoding="utf-8") as file:
        file.writelines(f'"{word}"\n' for word in escaped)
    return Path(file.name)


if __name__ == "__main__":
    sys.exit(main())
