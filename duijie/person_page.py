"""A desk on a page: what the person is to do now, how long is left, what is waited for, and buttons for the answer.

The page is for this machine alone and in both languages. It asks every second whether there is something else to do, and then loads
itself again; without scripts it does so every few seconds.
"""

import secrets
import sys
import threading
import time
from html import escape
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from conformance.drivers.driver import DriverBroken
from conformance.drivers.task import Answer, Said, Task, TaskKind
from duijie.console_text import Language, say

#: Names under which a browser on this machine asks; another one is a page that was led astray.
_OWN_HOSTS = {"127.0.0.1", "localhost"}

_STYLE = """
body{font:18px/1.6 system-ui,'Noto Sans CJK SC','Microsoft YaHei','PingFang SC',sans-serif;margin:2rem auto;max-width:48rem;padding:0 1rem}
h1{font-size:1.1rem;color:#57606a}.task{font-size:1.4rem;margin:1rem 0}.en{color:#57606a}
#left{font-size:2rem;font-variant-numeric:tabular-nums}
button{font:inherit;padding:.6rem 1.4rem;margin:.3rem .6rem .3rem 0}textarea,input{font:inherit;width:100%;box-sizing:border-box}
"""
_SCRIPT = """
const left=document.getElementById('left'),known=document.body.dataset.number;let end=left?Date.now()+1000*left.dataset.seconds:0;
setInterval(async()=>{if(left){const s=Math.max(0,Math.round((end-Date.now())/1000));
left.textContent=String(Math.floor(s/60)).padStart(2,'0')+':'+String(s%60).padStart(2,'0')}
try{if(await(await fetch('/number')).text()!==known)location.reload()}catch(e){}},1000);
"""
#: For browsers without scripts; only while there is nothing to do.
_REFRESH = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
_BUTTONS = {
    Said.DONE: ("办成", "done"),
    Said.REFUSED: ("系统拒绝", "refused by the system"),
    Said.CANNOT: ("无法办理", "cannot be done"),
}


class _Silent(WSGIRequestHandler):
    """Writes no line for each time that the page looks whether there is something to do."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
        """Say nothing."""


class Page:
    """One task at a time, shown at `address`."""

    def __init__(self, port: int, language: Language, title: str):
        self._port, self._language, self._title = port, language, title
        #: Proves that an answer comes from this page and from no other that the browser has open.
        self._key = secrets.token_urlsafe(12)
        self._changed = threading.Condition()
        self._number = 0
        self._task: Task | None = None
        self._until = 0.0
        self._answer: Answer | None = None
        self._server: BaseWSGIServer | None = None
        self.app = self._make_app()

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._port}/"

    def open(self) -> None:
        """See `Desk`."""
        try:
            self._server = make_server("127.0.0.1", self._port, self.app, threaded=True, request_handler=_Silent)
        except (OSError, SystemExit) as error:
            # werkzeug ends the program when a port is taken.
            raise DriverBroken(
                f"端口 {self._port} 已被占用,请改 driver.options.page",
                f"port {self._port} is taken; choose another one in driver.options.page",
            ) from error
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        said = say(self._language, f"请打开 {self.address} 按提示办理", f"open {self.address} and do what stands there")
        sys.stderr.write(f"▶ {said}\n")
        sys.stderr.flush()

    def ask(self, task: Task) -> Answer | None:
        """See `Desk`."""
        with self._changed:
            self._number += 1
            self._task, self._answer = task, None
            self._until = time.monotonic() + task.patience_seconds
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._answer is not None, task.patience_seconds)
            answer, self._task = self._answer, None
            self._number += 1
            return answer

    def close(self) -> None:
        """See `Desk`."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    # ── what the browser gets ──

    def _make_app(self) -> Flask:
        app = Flask(__name__)

        @app.before_request
        def check_host() -> Response | None:
            host = request.host.rpartition(":")[0] or request.host
            return None if host in _OWN_HOSTS else Response("", 403)

        @app.get("/")
        def show() -> str:
            with self._changed:
                return self._html()

        @app.get("/number")
        def number() -> Response:
            return Response(str(self._number), mimetype="text/plain")

        @app.post("/answer")
        def answer() -> Response:
            return self._take(request.form.to_dict())

        return app

    def _take(self, form: dict[str, str]) -> Response:
        if not secrets.compare_digest(form.get("key", "").encode(), self._key.encode()):
            return Response("", 403)
        with self._changed:
            answer = _answer(self._task, form)
            if self._task is None or form.get("number") != str(self._number) or self._answer is not None:
                said = "这一项已经结束,请返回 / this task is over; go back"
                return Response(said, 409, mimetype="text/plain; charset=utf-8")
            if answer is None:
                said = "请填写所见或案卷号 / fill in what is seen, or the number of the case"
                return Response(said, 400, mimetype="text/plain; charset=utf-8")
            self._answer = answer
            self._changed.notify_all()
        return Response("", 303, {"Location": "/"})

    def _html(self) -> str:
        task = self._task if self._answer is None else None
        body = self._waiting() if task is None else self._asking(task)
        return (
            '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            # A page that is being typed into must not be loaded again under the typist's hands.
            + (_REFRESH if task is None else "")
            + f"<title>{escape(self._title)}</title><style>{_STYLE}</style></head>"
            f'<body data-number="{self._number}"><h1>{escape(self._title)} · duijie</h1>{body}<script>{_SCRIPT}</script></body></html>'
        )

    def _waiting(self) -> str:
        return '<p class="task">现在没有要办的事,请稍候。<br><span class="en">Nothing to do just now; please wait.</span></p>'

    def _asking(self, task: Task) -> str:
        left = max(0, round(self._until - time.monotonic()))
        awaited = (
            f'<p>随后等待:{escape(task.awaited_zh)}<br><span class="en">then we wait for: {escape(task.awaited_en)}</span></p>'
            if task.awaited_zh
            else ""
        )
        buttons = (
            _BUTTONS
            if task.kind is not TaskKind.QUESTION
            else {
                Said.DONE: ("提交所见", "this is what is seen"),
                Said.CANNOT: ("看不到", "cannot be seen"),
            }
        )
        return (
            f'<p class="task">{escape(task.zh)}<br><span class="en">{escape(task.en)}</span></p>{awaited}'
            f'<p>剩余时间 / time left <b id="left" data-seconds="{left}">{left // 60:02}:{left % 60:02}</b></p>'
            f'<form method="post" action="/answer"><input type="hidden" name="key" value="{self._key}">'
            f'<input type="hidden" name="number" value="{self._number}">{_FIELDS.get(task.kind, "")}<p>'
            + "".join(f'<button name="said" value="{said}">{zh} / {en}</button>' for said, (zh, en) in buttons.items())
            + "</p></form>"
        )


_FIELDS = {
    TaskKind.QUESTION: '<p><label>所见(JSON 或原文)/ what is seen (JSON, or as it stands)<textarea name="value" rows="6"></textarea></label></p>',
    TaskKind.NEW_CASE: '<p><label>新案卷的案卷号 / the number of the new case<input name="value" autocomplete="off"></label></p>',
}


def _answer(task: Task | None, form: dict[str, str]) -> Answer | None:
    """What the form says; None when something is missing."""
    said, value = form.get("said", ""), form.get("value", "").strip()
    if said not in tuple(Said):
        return None
    wanted = task is not None and task.kind is not TaskKind.ACT and said == Said.DONE
    return None if wanted and not value else Answer(Said(said), value if wanted else "")
