"""The control port: acts of a platform's people and questions about its state, as JSON over HTTP.

It is apart from the exchange, listens on loopback only, and is off unless asked for: a vendor's platform
has nothing like it, and nothing on the wire depends on it. Every request but `/health` must carry the token of this process as
`Authorization: Bearer …`, and must be meant for this machine: a page in somebody's browser whose name was made to lead here
(DNS rebinding) says another host.

Requests must be `application/json`, so that a page in somebody's browser cannot post here without being asked first.
"""

import logging
from datetime import datetime
from hmac import compare_digest
from typing import Any, Protocol

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from bridge.vocabulary.parties import Side
from simulators import openapi
from simulators.exchange.errors import ActRefused, AskRefused
from simulators.exchange.logbook import LogbookUnavailable

log = logging.getLogger(__name__)

Answer = Response | tuple[Response, int]


class Controlled(Protocol):
    """The process behind the port."""

    side: Side
    clock: Any

    def act(self, name: str, params: dict[str, Any], by: str | None = None) -> dict[str, Any]:
        """Let one of the platform's people do something."""

    def ask(self, name: str, params: dict[str, Any]) -> Any:
        """Ask about the platform's state."""

    def steer(self, to: datetime) -> bool:
        """Set a steered clock forward; False when the clock is the real one."""

    @property
    def quiet(self) -> bool:
        """Whether nothing is under way and no timer is due."""

    @property
    def next_due(self) -> datetime | None:
        """The next timer."""

    @property
    def inputs(self) -> int:
        """How many inputs the machine has had."""


#: Under which names the port is called; any port, because it may be reached through a tunnel.
_OWN_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


class _Unusable(Exception):
    def __init__(self, message_zh: str, message_en: str):
        self.message_zh = message_zh
        self.message_en = message_en
        super().__init__(message_en)


def control_app(process: Controlled, token: str) -> Flask:
    """Make the WSGI application of a platform's control port."""
    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # of the default provider, which this is

    @app.before_request
    def check_caller() -> Answer | None:
        if request.host.rpartition(":")[0] not in _OWN_HOSTS and request.host not in _OWN_HOSTS:
            return _refusal(403, "wrong_host", "请求不是发给本机的。", "The request is not meant for this machine.")
        if request.path == "/health":
            return None
        given = request.headers.get("Authorization", "")
        if compare_digest(given.encode(), f"Bearer {token}".encode()):
            return None
        return _refusal(401, "not_authenticated", "缺少或错误的令牌。", "The token is missing or wrong.")

    @app.post("/acts/<name>")
    def act(name: str) -> Answer:
        params = _json_object()
        by = params.pop("by", None)
        if by is not None and not isinstance(by, str):
            raise _Unusable("by 应为账号名。", "`by` should be the name of an account.")
        return jsonify(process.act(name, params, by))

    @app.get("/asks/<name>")
    def ask(name: str) -> Answer:
        return jsonify(process.ask(name, request.args.to_dict()))

    @app.get("/quiet")
    def quiet() -> Answer:
        return jsonify(_quiet(process))

    @app.post("/clock")
    def clock() -> Answer:
        wanted = _json_object().get("to")
        try:
            to = datetime.fromisoformat(wanted) if isinstance(wanted, str) else None
        except ValueError:
            to = None
        if to is None:
            raise _Unusable("to 应为 ISO 8601 时间。", "`to` should be an ISO 8601 moment.")
        if not process.steer(to):
            return _refusal(409, "clock_not_steered", "本进程使用真实时钟。", "This process runs by the real clock.")
        return jsonify(_quiet(process))

    @app.get("/health")
    def health() -> Answer:
        return jsonify({"status": "up", "side": process.side.value, "now": process.clock.now().isoformat()})

    @app.get("/openapi.json")
    def description() -> Answer:
        return jsonify(openapi.document(process.side))

    @app.errorhandler(ActRefused)
    @app.errorhandler(AskRefused)
    def refused(error: ActRefused | AskRefused) -> Answer:
        status = 404 if error.code in {"unknown_act", "unknown_ask"} else 409
        return _refusal(status, error.code, error.message_zh, error.message_en)

    @app.errorhandler(LogbookUnavailable)
    def busy(error: LogbookUnavailable) -> Answer:
        return _refusal(503, "busy", error.message_zh, error.message_en)

    @app.errorhandler(_Unusable)
    def unusable(error: _Unusable) -> Answer:
        return _refusal(400, "bad_request", error.message_zh, error.message_en)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Answer:
        return _refusal(error.code or 500, "http_error", "请求的地址或方法不对。", "No such address or method.")

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Answer:
        log.error("the control port failed", exc_info=error)
        return _refusal(500, "internal", "系统内部错误,未产生影响。", "Internal error; nothing was done.")

    return app


def _json_object() -> dict[str, Any]:
    found = request.get_json(silent=True) if request.is_json else None
    if not isinstance(found, dict):
        raise _Unusable(
            "请求体应为 JSON 对象,Content-Type 为 application/json。",
            "The body should be a JSON object, with Content-Type application/json.",
        )
    return found


def _quiet(process: Controlled) -> dict[str, Any]:
    due = process.next_due
    return {
        "quiet": process.quiet,
        "next_due": None if due is None else due.isoformat(),
        "now": process.clock.now().isoformat(),
        "inputs": process.inputs,
    }


def _refusal(status: int, code: str, zh: str, en: str) -> Answer:
    return jsonify({"code": code, "message_zh": zh, "message_en": en}), status
