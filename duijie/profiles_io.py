"""Profiles by file or by default, with mistakes told as one sentence each."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from bridge.settings import ProfileInvalid, load_profile, profile_from_document
from bridge.vocabulary.profile import Profile
from conformance.drivers.sut import SystemUnderTest
from duijie.exits import UserMistake

#: The example profile that ships with the product.
EXAMPLE = files("duijie").joinpath("profiles/wuhu.yaml")


def read_profile(path: Path | None) -> Profile:
    """The profile in the file, or the built-in example; raises `UserMistake` with every problem found."""
    try:
        return load_profile(Path(str(EXAMPLE)) if path is None else path)
    except ProfileInvalid as invalid:
        raise _unusable(invalid) from None


def profile_of(sut: SystemUnderTest, environment: Mapping[str, str] | None = None) -> Profile:
    """The profile that a system under test runs with, from its own file or the one that it names; see `read_profile`."""
    if sut.inline_profile is None:
        return read_profile(sut.profile)
    try:
        return profile_from_document(sut.inline_profile, environment)
    except ProfileInvalid as invalid:
        raise _unusable(invalid) from None


def _unusable(invalid: ProfileInvalid) -> UserMistake:
    zh = "\n".join(f"{p.path}:{p.line}:{p.column}: {p.message_zh}" for p in invalid.problems)
    en = "\n".join(f"{p.path}:{p.line}:{p.column}: {p.message_en}" for p in invalid.problems)
    return UserMistake(f"配置文件不可用:\n{zh}", f"the profile cannot be used:\n{en}")


def write_example(path: Path) -> None:
    """Write the example profile to a new file; raises `UserMistake` when the file is there already or cannot be written."""
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(EXAMPLE.read_text(encoding="utf-8"))
    except FileExistsError:
        raise UserMistake(f"{path} 已存在,未改动", f"{path} is there already and was left alone") from None
    except OSError as error:
        raise UserMistake.unwritable(path, error) from error
