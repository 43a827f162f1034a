"""Read the parameters of an act: the right names, the right kinds, texts that say something."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from bridge.vocabulary.codes import CaseGrade, PhotoKind
from bridge.vocabulary.forms import Attachment
from simulators.city.photos import NAME_LENGTH_MAX, TAKEN_BYTES_MAX, attachment, taken
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
        """Return the photos: one is drawn for each name, the same bytes for the same name; one that was taken brings its content."""
        value = self._given.get("photos")
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise _no_photos()
        return tuple(_photo(each, kind) for each in value)


def _photo(given: Any, kind: PhotoKind) -> Attachment:
    name = given.get("name") if isinstance(given, Mapping) else given
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH_MAX:
        raise _no_photos()
    if not isinstance(given, Mapping):
        return attachment(name, kind)
    try:
        content = base64.b64decode(str(given.get("content", "")), validate=True)
    except (binascii.Error, ValueError):
        raise _bad(f"照片 {name} 的内容不是 base64。", f"The content of the photo {name} is no base64.") from None
    if len(content) > TAKEN_BYTES_MAX:
        raise _bad(
            f"照片 {name} 有 {len(content)} 字节,最多 {TAKEN_BYTES_MAX}。",
            f"The photo {name} has {len(content)} bytes; {TAKEN_BYTES_MAX} are the most.",
        )
    found = taken(name, content, kind)
    if found is None:
        raise _bad(f"照片 {name} 不是 JPEG 或 PNG。", f"The photo {name} is neither a JPEG nor a PNG.")
    return found


def _no_photos() -> ActRefused:
    return _bad(
        "参数 photos 应为列表,每项是照片名,或 {name, content},content 为 base64。",
        "The parameter photos should be a list; each of it is a name, or {name, content} with the content in base64.",
    )
