"""The bridge's control port: the same addresses as the simulators' have. JSON over HTTP.

    GET  /asks/<name>?…     what the bridge knows (`bridge.core.desk`)
    POST /acts/<name>       {…, "by"?}: an operator decides on a parked form
    GET  /quiet             {"quiet": bool, "next_due": iso | null, "now": iso}
    POST /clock             {"to": iso}: set a steered clock forward

Refusals are {"code", "message_zh", "message_en"}: 400 for what cannot be read, 404 for what does not exist, 409 for what cannot be done.
401 without the token of this process as `Authorization: Bearer …`, 403 under another host's name (DNS rebinding).
The port is apart from the exchange, off unless asked for, and listens on loopback alone.
"""

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import parse_qs

from bridge.core.desk import DeskRefused
from bridge.core.errors import StoreUnavailable
from bridge.transports.clock import ClockMovedBack
from bridge.vocabulary.times import in_shanghai

#: Under which names the port is called; any port, because it may be reached through a tunnel.
_OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})

#: Bodies of control requests are a few words.
BODY_BYTES = 64 * 1024


class Controlled(Protocol):
    """What a running bridge offers to its control port."""

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """Answer a question; raises `DeskRefused`."""

    def act(self, name: str, params: Mapping[str, Any], by: str | None) -> dict[str, Any]:
        """Let an operator act; raises `DeskRefused`."""

    def now(self) -> datetime:
        """The bridge's time."""

    def move_clock(self, to: datetime) -> None:
        """Set a steered clock forward; raises `ClockMovedBack`, and `DeskRefused` where the clock is the real one."""

    def is_quiet(self) -> bool:
        """Whether nothing is under way, waits to be sent or is due."""

    def next_due(self) -> datetime | None:
        """When the soonest timer comes."""


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, code: str, zh: str, en: str):
        self.status = status
        self.content = {"code": code, "message_zh": zh, "message_en": en}
        super().__init__(en)


class Control:
    """The WSGI application of the control port."""

    def __init__(self, controlled: Controlled, token: str):
        self._controlled = controlled
        self._token = token
        self._routes: dict[tuple[str, str], Callable[[str, Mapping[str, Any]], Any]] = {
            ("GET", "asks"): self._ask,
            ("POST", "acts"): self._act,
            ("GET", "quiet"): self._quiet,
            ("POST", "clock"): self._clock,
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        try:
            self._check_caller(environ)
            status, content = HTTPStatus.OK, self._answer(environ)
        except _Refused as refused:
            status, content = refused.status, refused.content
        except (
            Exception
        ) as error:  # Whoever asks gets JSON even when we are at fault; the type alone, values may be personal.
            name = type(error).__name__
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            content = {
                "code": "internal",
                "message_zh": f"对接桥内部出错:{name}",
                "message_en": f"the bridge broke: {name}",
            }
        body = json.dumps(content, ensure_ascii=False).encode()
        start_response(
            f"{status.value} {status.phrase}",
            [("Content-Type", "application/json; charset=utf-8"), ("Content-Length", str(len(body)))],
        )
        return [body]

    @staticmethod
    def refusal(status: int, path: str) -> tuple[str, bytes]:
        """What a request gets that is no HTTP, or too long."""
        said = {"code": "http_error", "message_zh": f"请求不可用:{path}", "message_en": f"HTTP {status} at {path}"}
        return "application/json; charset=utf-8", json.dumps(said, ensure_ascii=False).encode()

    def _check_caller(self, environ: Mapping[str, Any]) -> None:
        host = str(environ.get("HTTP_HOST", ""))
        if host.rpartition(":")[0] not in _OWN_HOSTS and host not in _OWN_HOSTS:
            raise _Refused(
                HTTPStatus.FORBIDDEN, "wrong_host", "请求不是发给本机的。", "The request is not meant for this machine."
            )
        given = str(environ.get("HTTP_AUTHORIZATION", ""))
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise _Refused(
                HTTPStatus.UNAUTHORIZED, "not_authenticated", "缺少或错误的令牌。", "The token is missing or wrong."
            )

    def _answer(self, environ: dict[str, Any]) -> Any:
        word, _, name = str(environ.get("PATH_INFO", "")).removeprefix("/").partition("/")
        route = self._routes.get((environ["REQUEST_METHOD"], word))
        if route is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "http_error", "请求的地址或方法不对。", "No such address or method.")
        try:
            return route(name, _params(environ))
        except DeskRefused as refused:
            unknown = refused.code in ("unknown_act", "unknown_ask")
            status = HTTPStatus.NOT_FOUND if unknown else HTTPStatus.CONFLICT
            raise _Refused(status, refused.code, refused.message_zh, refused.message_en) from None
        except ClockMovedBack as error:
            raise _Refused(HTTPStatus.CONFLICT, "clock_moved_back", "时钟不能往回拨。", str(error)) from None
        except StoreUnavailable as error:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "存储暂不可用,请稍后再试。", str(error)) from None

    def _ask(self, name: str, params: Mapping[str, Any]) -> Any:
        return self._controlled.ask(name, params)

    def _act(self, name: str, params: Mapping[str, Any]) -> Any:
        by = params.get("by")
        if by is not None and not isinstance(by, str):
            raise _Refused(HTTPStatus.BAD_REQUEST, "bad_request", "by 应为人名。", "`by` should be a name.")
        return self._controlled.act(name, {key: value for key, value in params.items() if key != "by"}, by)

    def _quiet(self, _name: str, _params: Mapping[str, Any]) -> Any:
        due = self._controlled.next_due()
        return {
            "quiet": self._controlled.is_quiet(),
            "next_due": due.isoformat() if due else None,
            "now": self._controlled.now().isoformat(),
        }

    def _clock(self, name: str, params: Mapping[str, Any]) -> Any:
        try:
            to = in_shanghai(datetime.fromisoformat(params.get("to", "")))
        except (ValueError, TypeError):
            raise _Refused(
                HTTPStatus.BAD_REQUEST, "bad_request", "to 应为 ISO 8601 时间。", "`to` should be an ISO 8601 moment."
            ) from None
        self._controlled.move_clock(to)
        return self._quiet(name, params)


def _params(environ: dict[str, Any]) -> Mapping[str, Any]:
    if environ["REQUEST_METHOD"] == "GET":
        return {name: values[0] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    try:
        params = json.loads(environ["wsgi.input"].read() or b"{}")
    except ValueError:
        params = None
    if not isinstance(params, dict):
        raise _Refused(
            HTTPStatus.BAD_REQUEST, "bad_request", "请求体应为 JSON 对象。", "The body should be a JSON object."
        )
    return params
