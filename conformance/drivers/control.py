"""The control API: JSON over HTTP as our OpenAPI document describes it; a vendor implements what it can.

POST /acts/<role.act>    200 with what came of it; 409 refused; 404 or 501 not offered
GET  /asks/<question>    200 with the answer; the same refusals
GET  /quiet              {"quiet": true, "next_due": …, "now": …}; optional
POST /clock              {"to": …}; only with a steered clock
POST /restart            stop at once and start again; optional
POST /reset              {"settings": {…}}; optional
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx

from conformance.drivers.driver import Capabilities, DriverBroken, Quiet
from conformance.scenario.stage import NotOffered, StageRefused

#: Seconds that the system may take to answer.
TIMEOUT_SECONDS = 30

#: Which path of the document stands for which capability.
_SWITCHES = {"tells_quiet": "/quiet", "steered_clock": "/clock", "restart": "/restart", "reset": "/reset"}
_NOT_THERE = (404, 405, 501)
#: Codes with which our own control port says the same as HTTP's 404 does.
_UNKNOWN_NAMES = ("unknown_act", "unknown_ask", "unknown_question")


#: Trusts nobody: plain HTTP has no use for it, and reading whom the machine trusts takes longer than a call.
PLAIN_HTTP_ALONE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def whom_to_trust(address: str) -> ssl.SSLContext | bool:
    """What an HTTP client is to `verify` by: as usual over TLS; over plain HTTP, nobody."""
    return address.lower().startswith("https:") or PLAIN_HTTP_ALONE


class ControlDriver:
    """A system behind the control API at `address`; `token` goes into the Authorization header."""

    def __init__(self, address: str, *, token: str | None = None, capabilities: Capabilities | None = None):
        self.name = address
        self.address = address.rstrip("/")
        self._capabilities = capabilities
        #: What the OpenAPI document says of the system; empty without one.
        self.told: Mapping[str, Any] = {}
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # A proxy that is set for the machine is not meant for these calls.
        self._http = httpx.Client(
            base_url=self.address,
            timeout=TIMEOUT_SECONDS,
            verify=whom_to_trust(self.address),
            trust_env=False,
            headers=headers,
        )

    @property
    def capabilities(self) -> Capabilities:
        """What was declared, narrowed by what the system's own OpenAPI document lists."""
        return self._capabilities or Capabilities()

    def open(self) -> None:
        """Read the OpenAPI document where there is one."""
        response = self._call("GET", "/openapi.json")
        if response.status_code in _NOT_THERE:
            return
        document = self._json(response, "/openapi.json")
        paths = document.get("paths", {}) if isinstance(document, Mapping) else {}
        info = document.get("info", {}) if isinstance(document, Mapping) else {}
        self.name = " ".join(str(info[key]) for key in ("title", "version") if info.get(key)) or self.name
        declared = self.capabilities
        acts = tuple(sorted(path.removeprefix("/acts/") for path in paths if path.startswith("/acts/")))
        asks = tuple(sorted(path.removeprefix("/asks/") for path in paths if path.startswith("/asks/")))
        listed = {"acts": acts, "asks": asks}
        self.told = {key: names for key, names in listed.items() if names} | {
            name: path in paths for name, path in _SWITCHES.items() if paths
        }
        self._capabilities = replace(
            declared,
            acts=tuple(name for name in acts if declared.offers_act(name)) if acts else declared.acts,
            asks=tuple(name for name in asks if declared.offers_ask(name)) if asks else declared.asks,
            tells_quiet=declared.tells_quiet or "/quiet" in paths,
        )

    def act(self, name: str, params: Mapping[str, Any], by: str | None = None) -> dict[str, Any]:
        """See `Driver`."""
        body = dict(params) if by is None else {**params, "by": by}
        found = self._read(self._call("POST", f"/acts/{name}", json=body), name)
        if not isinstance(found, dict):
            raise DriverBroken(
                f"控制接口对 {name} 的应答不是 JSON 对象", f"the control API's answer to {name} is no JSON object"
            )
        return found

    def ask(self, name: str, params: Mapping[str, Any]) -> Any:
        """See `Driver`."""
        return self._read(self._call("GET", f"/asks/{name}", params=in_query(params)), name)

    def quiet(self) -> Quiet | None:
        """See `Driver`."""
        response = self._call("GET", "/quiet")
        if response.status_code in _NOT_THERE:
            return None
        said = self._read(response, "quiet")
        try:
            return Quiet(
                quiet=bool(said["quiet"]), next_due=_moment(said.get("next_due")), now=_moment(said.get("now"))
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DriverBroken(
                f"控制接口 /quiet 的应答不可读:{said!r}", f"the answer of /quiet cannot be read: {said!r}"
            ) from error

    def steer(self, to: datetime) -> None:
        """See `Driver`."""
        self._read(self._call("POST", "/clock", json={"to": to.isoformat()}), "clock")

    def restart(self) -> None:
        """See `Driver`."""
        self._read(self._call("POST", "/restart", json={}), "restart")

    def reset(self, settings: Mapping[str, Any]) -> None:
        """See `Driver`."""
        self._read(self._call("POST", "/reset", json={"settings": dict(settings)}), "reset")

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _call(self, method: str, path: str, **parts: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **parts)
        except httpx.HTTPError as error:
            told = str(error) or type(error).__name__
            raise DriverBroken(
                f"控制接口 {self.address} 无法访问:{told}",
                f"the control API at {self.address} cannot be reached: {told}",
            ) from error

    def _read(self, response: httpx.Response, name: str) -> Any:
        status = response.status_code
        if status in (401, 403):
            raise DriverBroken(
                f"控制接口拒绝令牌(HTTP {status})", f"the control API does not accept the token (HTTP {status})"
            )
        said = self._json(response, name, quiet=status in _NOT_THERE)
        code = said.get("code") if isinstance(said, Mapping) else None
        if status in _NOT_THERE and (code is None or code in _UNKNOWN_NAMES):
            raise NotOffered(f"被测系统不提供 {name}", f"the system does not offer {name}")
        if status >= 500:
            raise DriverBroken(
                f"控制接口处理 {name} 时出错(HTTP {status})", f"the control API broke over {name} (HTTP {status})"
            )
        if status >= 400:
            raise StageRefused(
                str(code or "refused"),
                str(said.get("message_zh", "")) if isinstance(said, Mapping) else "",
                str(said.get("message_en", "")) if isinstance(said, Mapping) else "",
                own_words=not self.capabilities.refusal_codes,
            )
        return said

    @staticmethod
    def _json(response: httpx.Response, name: str, *, quiet: bool = False) -> Any:
        try:
            return response.json()
        except ValueError as error:
            if quiet:
                return None
            raise DriverBroken(
                f"控制接口对 {name} 的应答不是 JSON(HTTP {response.status_code})",
                f"the control API's answer to {name} is no JSON (HTTP {response.status_code})",
            ) from error


def _moment(said: Any) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)


def in_query(params: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of a question as they stand in an address: texts as they are, the rest as JSON."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in params.items()}
