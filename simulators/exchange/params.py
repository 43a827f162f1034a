"""Read the parameters of an act: the right names, the right kinds, texts that say something."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from bridge.vocabulary.codes import CaseGrade, PhotoKind
from bridge.vocabulary.forms import Attachment
from simulators.city.photos import NAME_LENGTH_MAX, attachment
from simulators.exchange.errors import ActRefused

_Code = TypeVar("_Code", bound=StrEnum)
#: Longest texts of the contract, so that an act cannot write a form that the contract refuses.
_TEXT_MAX = {"description": 2000, "address": 200, "result": 500, "reason": 500, "note": 500}
_OTHER_TEXT_MAX = 200


def _bad(zh: str, en: str) -> ActRefused:
    return ActRefused("bad_value", zh, en)


class Params:
    """The parameters that came with one act; every reading refuses what it cannot take."""

    def __init__(self, act: str, given: Mapping[str, Any]):
        self._act = act
        self._given = dict(given)

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    def allow(self, *names: Iterable[str]) -> None:
        """Refuse parameters that the act does not have."""
        allowed = {name for group in names for name in group}
        for name in self._given:
            if name not in allowed:
                raise _bad(
                    f"{self._act} 没有参数 {name};可用:{'、'.join(sorted(allowed))}。",
                    f"{self._act} has no parameter {name}; it has {', '.join(sorted(allowed))}.",
                )

    def require(self, names: Iterable[str]) -> None:
        """Refuse the act when one of these is missing."""
        for name in names:
            if name not in self:
                if name == "reason":
                    self.reason()
                code = "photo_required" if name == "photos" else "bad_value"
                raise ActRefused(code, f"{self._act} 缺少参数 {name}。", f"{self._act} needs the parameter {name}.")

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; without a default it must be given and not be blank."""
        value = self._given.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise _bad(f"参数 {name} 应为文字。", f"The parameter {name} should be a text.")
        longest = _TEXT_MAX.get(name, _OTHER_TEXT_MAX)
        if len(value) > longest:
            raise _bad(f"参数 {name} 最多 {longest} 字。", f"The parameter {name} holds at most {longest} characters.")
        return value

    def reason(self) -> str:
        """Return the reason, which must say something (URBAN-4, EXC-3)."""
        value = self._given.get("reason")
        if value is None or (isinstance(value, str) and not value.strip()):
            raise ActRefused("reason_required", "必须填写理由。", "A reason is needed.")
        return self.text("reason")

    def flag(self, name: str) -> bool:
        """Return a yes or no."""
        value = self._given.get(name)
        if not isinstance(value, bool):
            raise _bad(f"参数 {name} 应为 true 或 false。", f"The parameter {name} should be true or false.")
        return value

    def whole(self, name: str, default: int) -> int:
        """Return a whole number above zero."""
        value = self._given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise _bad(f"参数 {name} 应为正整数。", f"The parameter {name} should be a whole number above zero.")
        return value

    def code(self, name: str, codes: type[_Code], default: _Code | None = None) -> _Code:
        """Return a value of a code list."""
        value = self._given.get(name)
        if value is None and default is not None:
            return default
        try:
            return codes(str(value))
        except ValueError:
            known = ", ".join(codes)
            raise _bad(
                f"参数 {name} 不能取值 {value!r};可用:{known}。", f"{value!r} is no {name}; there are {known}."
            ) from None

    def grade(self) -> CaseGrade:
        """Return the grade; ordinary when none is given."""
        return self.code("grade", CaseGrade, CaseGrade.ORDINARY)

    def mapping(self, name: str) -> dict[str, Any]:
        """Return named values."""
        value = self._given.get(name)
        if not isinstance(value, Mapping) or not value:
            raise _bad(f"参数 {name} 应列出字段和取值。", f"The parameter {name} should name fields and values.")
        return dict(value)

    def photos(self, kind: PhotoKind) -> tuple[Attachment, ...]:
        """Return the photos of these names; the same name always shows the same bytes."""
        value = self._given.get("photos")
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(
            isinstance(name, str) and 0 < len(name) <= NAME_LENGTH_MAX for name in value
        ):
            raise _bad("参数 photos 应为照片名列表。", "The parameter photos should be a list of names.")
        return tuple(attachment(name, kind) for name in value)
