"""A bundle as a file: a ZIP whose bytes follow from what is in it, and a reader that trusts nothing in it.

Written entries stand one behind the other in the order of their names, the manifest and the signature first, with the moment of the run in
the place of that of writing. A reader finds what was slipped in: an entry twice, a name that leads elsewhere, bytes that belong to no entry, an
entry that unfolds to more than a bundle may hold.
"""

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from conformance.checks.result import Text
from conformance.evidence.manifest import JUDGEMENTS, JUNIT, MANIFEST, RESULTS, SIGNATURE, manifest_of, trace_name
from conformance.oracle.judge import Verdict
from conformance.reports.junit import junit
from conformance.reports.markdown import markdown
from conformance.reports.page import page
from conformance.reports.report import Report, report_record

#: What a bundle may hold; the largest that we have written are a hundredth of it.
FILE_BYTES_MAX = 256 * 1024 * 1024
ENTRY_BYTES_MAX = 64 * 1024 * 1024
UNFOLDED_BYTES_MAX = 512 * 1024 * 1024
ENTRIES_MAX = 5000

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_END_BYTES = 22
#: What the list of entries of a ZIP can weigh in a bundle.
_DIRECTORY_BYTES_MAX = ENTRIES_MAX * 300
#: The earliest moment that ZIP knows.
_EARLIEST = 1980


class BundleUnreadable(Exception):
    """The file is no bundle, or too damaged to be read as one; one sentence in each language says why."""

    def __init__(self, zh: str, en: str):
        self.zh, self.en = zh, en
        super().__init__(en)


@dataclass(slots=True)
class Bundle:
    """What a file holds."""

    files: dict[str, bytes] = field(default_factory=dict)
    #: What is wrong with the file as a file.
    wrong: list[Text] = field(default_factory=list)


def contents(report: Report, language: str, beside: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file of the bundle but manifest and signature; the report has been masked, and `beside` stands with it as it is."""
    found = {
        RESULTS: json.dumps(report_record(report), ensure_ascii=False, indent=1) + "\n",
        JUNIT: junit(report, language),
        "report.html": page(report, language),
        "summary.md": markdown(report, language),
        JUDGEMENTS: json.dumps(_judgements(report), ensure_ascii=False, indent=1, default=str) + "\n",
    }
    for result in report.results:
        if result.run is not None:
            found[trace_name(result.check.id)] = result.run.trace.to_lines()
    return {name: text.encode("utf-8", "replace") for name, text in found.items()} | dict(beside)


def sealed(report: Report, files: Mapping[str, bytes], signature: bytes | None = None) -> bytes:
    """The bundle with its manifest, and with the signature over it where there is one."""
    first = {MANIFEST: manifest_of(report, files)} | ({} if signature is None else {SIGNATURE: signature})
    return packed(first | dict(sorted(files.items())), report.started_at)


def packed(files: Mapping[str, bytes], at: datetime) -> bytes:
    """A ZIP of these files in this order, every one of them dated `at`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (max(at.year, _EARLIEST), at.month, at.day, at.hour, at.minute, at.second))
            entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def judged(verdicts: tuple[Verdict, ...]) -> dict[str, object]:
    """What the oracle said of each clause, as the bundle keeps it and as it can be compared."""
    return {
        verdict.clause: {
            "outcome": verdict.outcome.value,
            "kept": verdict.kept,
            "blame": verdict.blame,
            "records": list(verdict.records),
        }
        for verdict in verdicts
    }


def _judgements(report: Report) -> dict[str, object]:
    return {
        result.check.id: {
            "settings": dict(result.check.scenario.settings),
            "clauses": judged(result.run.verdicts),
        }
        for result in report.results
        if result.run is not None
    }


def read_bundle(path: Path) -> Bundle:
    """Everything that can be read of a bundle, and what is wrong with the file; raises `BundleUnreadable` or `OSError`."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise BundleUnreadable(
            f"文件超过 {FILE_BYTES_MAX // 2**20} MiB", f"the file is larger than {FILE_BYTES_MAX // 2**20} MiB"
        )
    data = path.read_bytes()
    _bounded(data)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError) as error:
        raise BundleUnreadable("不是 ZIP 文件,或不完整", f"it is no ZIP file, or not all of one ({error})") from error
    bundle = Bundle()
    with archive:
        entries = archive.infolist()
        if len(entries) > ENTRIES_MAX:
            raise BundleUnreadable(f"多于 {ENTRIES_MAX} 个文件", f"it holds more than {ENTRIES_MAX} files")
        bundle.wrong += _between(data, archive)
        room = UNFOLDED_BYTES_MAX
        for entry in entries:
            wrong = _cannot_be(entry, bundle)
            content = None if wrong else _content(archive, entry, min(room, ENTRY_BYTES_MAX))
            if wrong or isinstance(content, Text):
                bundle.wrong.append(wrong or content)  # type: ignore[arg-type]
                continue
            bundle.files[entry.filename] = content  # type: ignore[assignment]
            room -= len(content or b"")
    return bundle


def _bounded(data: bytes) -> None:
    """Refuse a list of entries that is too long before anybody reads it."""
    end = data.rfind(b"PK\x05\x06")
    too_long = (
        end >= 0
        and len(data) >= end + 16
        and int.from_bytes(data[end + 12 : end + 16], "little") > _DIRECTORY_BYTES_MAX
    )
    if too_long or (end >= 0 and b"PK\x06\x07" in data[max(0, end - 20) : end]):
        raise BundleUnreadable(f"多于 {ENTRIES_MAX} 个文件", f"it holds more than {ENTRIES_MAX} files")


def _cannot_be(entry: zipfile.ZipInfo, bundle: Bundle) -> Text | None:
    name = ascii(entry.filename)[1:-1]
    if _NAME.fullmatch(entry.filename) is None or entry.orig_filename != entry.filename:
        return Text(f"文件名“{name}”不可用", f"'{name}' is no name for a file of a bundle")
    if entry.filename in bundle.files:
        return Text(f"{name} 出现两次", f"{name} is there twice")
    if entry.flag_bits & 0x1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return Text(f"{name} 以不支持的方式加密或压缩", f"{name} is encrypted, or compressed in a way not used here")
    return None


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, bytes_max: int) -> bytes | Text:
    try:
        with archive.open(entry) as file:
            # What the entry says of its own size is not believed.
            content = file.read(bytes_max + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        return Text(f"{entry.filename} 已损坏", f"{entry.filename} is damaged ({error})")
    if len(content) > bytes_max:
        return Text(f"{entry.filename} 解压后过大", f"{entry.filename} unfolds to too much")
    return content


def _between(data: bytes, archive: zipfile.ZipFile) -> list[Text]:
    """Bytes that belong to no entry: other readers of ZIP might find something in them."""
    at = 0
    for entry in sorted(archive.infolist(), key=lambda each: each.header_offset):
        if entry.header_offset != at or at + _LOCAL_HEADER.size > len(data):
            break
        *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack_from(data, at)
        at += _LOCAL_HEADER.size + name_bytes + extra_bytes + entry.compress_size
    else:
        directory = len(data) - _END_BYTES - archive.start_dir
        named = sum(46 + len(e.orig_filename.encode()) + len(e.extra) + len(e.comment) for e in archive.infolist())
        if at == archive.start_dir and directory == named and not archive.comment:
            return []
    return [Text("文件中有不属于任何条目的内容", "there are bytes in the file that belong to no entry")]
