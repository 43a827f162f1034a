"""One HTTP request as a value, and what a WSGI application answers to it: shared by every suite that means harm."""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
EXCHANGE = "{urn:duijie:exchange:1.0}"
XML = "text/xml; charset=utf-8"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class Request:
    """A POST as it reaches an application; header names as WSGI has them."""

    body: bytes
    content_type: str | None = XML
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


@dataclass(frozen=True)
class Reply:
    """The answer to a request."""

    status: int
    content_type: str
    body: bytes

    @property
    def is_soap(self) -> bool:
        """Whether the answer says that it is XML; a look with GET or HEAD is answered otherwise."""
        return self.content_type.startswith("text/xml") and bool(self.body)

    @property
    def content(self) -> etree._Element:
        """The one element in the body; raises when the answer is no SOAP 1.1 envelope."""
        root = etree.fromstring(self.body)
        assert root.tag == f"{SOAP}Envelope", root.tag
        (content,) = root.findall(f"{SOAP}Body/*")
        return content

    @property
    def fault_code(self) -> str | None:
        """The code of the typed fault; None when the answer is no fault. A fault without a code fails."""
        content = self.content
        if content.tag != f"{SOAP}Fault":
            return None
        code = content.findtext(f"detail/{EXCHANGE}exchangeFault/{EXCHANGE}code")
        assert code, self.body
        return code


def ask(application: Application, path: str, request: Request) -> Reply:
    """Bring a request to an application and give its answer."""
    started: list[Any] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.url_scheme": "http",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()},
    }
    if request.content_type is not None:
        environ["CONTENT_TYPE"] = request.content_type
    body = b"".join(application(environ, lambda status, lines, *_: started.extend((status, dict(lines)))))
    assert started, "nothing was answered"
    status, lines = started
    # To HEAD a server says how long the answer to GET would be.
    assert request.method == "HEAD" or lines["Content-Length"] == str(len(body))
    return Reply(int(status.partition(" ")[0]), lines["Content-Type"], body)
