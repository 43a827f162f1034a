"""How a command ends, for people and for scripts."""

from enum import IntEnum
from pathlib import Path

from duijie.console_text import Language, reason, say
from located_yaml import DocumentInvalid


class Exit(IntEnum):
    """Exit codes of every command; docs/command-line.md lists them."""

    #: Everything held.
    OK = 0
    #: An expectation or a clause did not hold.
    FAILED = 1
    #: Nothing failed, and nothing conclusive was seen either.
    INCONCLUSIVE = 2
    #: A file, a profile, an option, a port or a folder cannot be used as it is.
    CONFIGURATION = 3
    #: The product itself broke.
    INTERNAL = 4
    #: Stopped by Ctrl-C, or by a reader that closed the pipe.
    INTERRUPTED = 130


class UserMistake(Exception):
    """Something the user can put right: one clear sentence in each language."""

    def __init__(self, zh: str, en: str):
        self.zh = zh
        self.en = en
        super().__init__(en)

    @classmethod
    def unwritable(cls, path: Path, error: OSError) -> "UserMistake":
        """A file or folder cannot be written."""
        return cls(f"无法写入 {path}:{reason(error, 'zh')}", f"cannot write {path}: {reason(error, 'en')}")

    @classmethod
    def in_file(cls, invalid: DocumentInvalid, *, then: tuple[str, str] = ("", "")) -> "UserMistake":
        """A file cannot be used: a line for each place in it, and what follows from that."""
        zh = [f"{p.path}:{p.line}:{p.column}: {p.message_zh}" for p in invalid.problems]
        en = [f"{p.path}:{p.line}:{p.column}: {p.message_en}" for p in invalid.problems]
        return cls("\n".join([*zh, *filter(None, then[:1])]), "\n".join([*en, *filter(None, then[1:])]))

    def text(self, language: Language) -> str:
        """The sentence in the chosen language."""
        return say(language, self.zh, self.en)
