"""Processes of the product's own: started warm, stopped in order, and never left behind.

Children are forked from a server process that has imported what they need (`duijie.warm`) and has no threads, so that three parties
are up at once; where the system has no such server they are spawned and take a little longer. A child ends when it is told to, and also
when its parent is gone for whatever reason: it watches a pipe that only the parent holds open.
"""

import itertools
import multiprocessing
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, Protocol

from bridge.stopping import StopRequest
from duijie.exits import UserMistake

#: Seconds for a child to say that it is ready, to answer a question, and to stop in order before it is killed.
READY_WITHIN_SECONDS = 30
ANSWER_WITHIN_SECONDS = 30
STOP_WITHIN_SECONDS = 10


class Service(Protocol):
    """What runs inside a child."""

    def start(self) -> None:
        """Be ready when this returns; raises on what the user must put right."""

    def stop(self) -> None:
        """Finish what is in flight and let go of ports and files."""


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["duijie.warm"])
    return context


def warm_up() -> None:
    """Start the server of warm processes ahead of need, without waiting for it."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        _context()
        with _no_main():
            forkserver.ensure_running()


_main_hidden = threading.Lock()


@contextmanager
def _no_main() -> Iterator[None]:
    """Start a process without the program's main module, which it would else import first: it needs nothing of that."""
    with _main_hidden:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


#: Answers a question that is put to a service, with one argument.
Answer = Callable[[Any, str, Any], Any]


#: Put to a child in place of a question: stop in order, and wait for the next service.
_REST = "rest"
_RESTED = "rested"
#: Processes that have stopped a service in order and wait for another one, and the pipes to them.
_resting: list[tuple[Any, Connection]] = []
RESTING_MAX = 12


class Child:
    """One child process around a service made by `make`; `answer` answers in it what `ask` asks. Both must be picklable.

    With `again` the process is used again: after a stop in order it rests, and the next such child takes it over, which costs a
    fraction of a new process. One that was killed, or did not stop in order, is never used again.
    """

    def __init__(self, name: str, make: Callable[[], Service], answer: Answer | None = None, *, again: bool = False):
        self.name = name
        self._job = (make, answer)
        self._again = again
        self._process: Any = None
        self._lifeline: Connection | None = None
        self._asking = threading.Lock()
        self._told_to_rest = False

    def start(self) -> None:
        """Start the process; `wait_ready` tells when it can be used."""
        while self._again and _resting:
            try:
                self._process, self._lifeline = _resting.pop()
                self._lifeline.send(self._job)
            except (IndexError, OSError):
                # Another thread was quicker, or it has ended meanwhile.
                self._process = self._lifeline = None
            else:
                return
        self._process, self._lifeline = _new_process(self.name)
        # One that has ended already takes no job; `wait_ready` says so.
        with suppress(OSError):
            self._lifeline.send(self._job)

    def wait_ready(self) -> None:
        """Return when the service is up; raises `UserMistake` with the service's own sentence when it is not to be."""
        if self._lifeline is None:
            raise RuntimeError(f"{self.name} was not started")
        try:
            said = self._lifeline.recv() if self._lifeline.poll(READY_WITHIN_SECONDS) else ("", "")
        except (EOFError, OSError):
            # It was killed; before it had read its job, the pipe does not end, it breaks.
            said = ("", "")
        if said != "ready":
            self.kill()
            zh, en = said
            raise UserMistake(zh or f"{self.name} 未能启动", en or f"{self.name} did not start")

    def ask(self, question: str, argument: Any = None) -> Any:
        """Put a question to the service over the pipe that keeps the child alive; a tenth of what a call of its control port costs."""
        lifeline = self._lifeline
        if lifeline is None:
            raise RuntimeError(f"{self.name} does not run")
        with self._asking:
            lifeline.send((question, argument))
            if not lifeline.poll(ANSWER_WITHIN_SECONDS):
                raise TimeoutError(f"{self.name} did not answer {question} within {ANSWER_WITHIN_SECONDS} s")
            said, trouble = lifeline.recv()
        if trouble is not None:
            raise RuntimeError(f"{self.name} could not answer {question}: {trouble}")
        return said

    @property
    def pid(self) -> int:
        """The process id."""
        return int(self._process.pid)

    def begin_stop(self) -> None:
        """Tell the child to stop in order, and do not wait: `stop` does. Several children stop side by side so."""
        lifeline = self._lifeline
        if lifeline is not None and self._may_rest():
            with suppress(OSError), self._asking:
                lifeline.send((_REST, None))
                self._told_to_rest = True

    def stop(self) -> None:
        """Stop in order; a child that does not follow is killed."""
        if self._process is None or self._laid_to_rest():
            return
        self._let_go()
        self._process.join(STOP_WITHIN_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process = None

    def _laid_to_rest(self) -> bool:
        """Stop the service alone; True when the process waits for the next one."""
        if not self._told_to_rest:
            self.begin_stop()
        lifeline = self._lifeline
        if lifeline is None or not self._told_to_rest:
            return False
        try:
            with self._asking:
                if not lifeline.poll(STOP_WITHIN_SECONDS) or lifeline.recv() != _RESTED:
                    return False
        except (EOFError, OSError):
            return False
        _resting.append((self._process, lifeline))
        self._process = self._lifeline = None
        return True

    def _may_rest(self) -> bool:
        return self._again and not self._told_to_rest and len(_resting) < RESTING_MAX

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        self._let_go()

    def _let_go(self) -> None:
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None


def _new_process(name: str) -> tuple[Any, Connection]:
    context = _context()
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs,), name=name, daemon=True)
    with _no_main():
        process.start()
    theirs.close()
    return process, ours


def _run(lifeline: Connection) -> None:
    """Run one service after the other in the child, as the parent hands them over, until its end of the pipe is closed."""
    # Ctrl-C reaches the whole group of processes; the parent decides in which order they stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            make, answer = lifeline.recv()
        except (EOFError, OSError):
            return
        told = StopRequest.by_signals([signal.SIGTERM])
        rests = _serve(make, lifeline, answer, told)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        told.close()
        if not rests or not _say(lifeline, _RESTED):
            return


def _serve(make: Callable[[], Service], lifeline: Connection, answer: Answer | None, told: StopRequest) -> bool:
    """Run a service until told to stop; True when the process is to rest then."""
    try:
        service = make()
        service.start()
    except Exception as error:
        _say(lifeline, _sentences(error))
        return False
    if not _say(lifeline, "ready"):
        service.stop()
        return False
    asked = _Watch(lifeline, service, answer, told)
    asked.start()
    told.wait()
    service.stop()
    return asked.rests


class _Watch(threading.Thread):
    """Answers the parent's questions, until it is gone or lets the process rest."""

    def __init__(self, lifeline: Connection, service: Service, answer: Answer | None, told: StopRequest):
        super().__init__(daemon=True)
        self._lifeline, self._service, self._answer, self._told = lifeline, service, answer, told
        self.rests = False

    def run(self) -> None:
        """See `threading.Thread`."""
        with suppress(EOFError, OSError):
            while not self.rests:
                question, argument = self._lifeline.recv()
                if question == _REST:
                    self.rests = True
                else:
                    _say(self._lifeline, _answered(self._answer, self._service, question, argument))
        self._told.set()


def _answered(answer: Answer | None, service: Service, question: str, argument: Any) -> tuple[Any, str | None]:
    if answer is None:
        return None, "nobody answers here"
    try:
        return answer(service, question, argument), None
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


def _sentences(error: Exception) -> tuple[str, str]:
    """What to tell people of a start that failed; errors that people can put right bring their own sentences."""
    if isinstance(error, UserMistake):
        return error.zh, error.en
    zh, en = getattr(error, "message_zh", None), getattr(error, "message_en", None)
    return zh or f"启动失败:{error}", en or f"could not start: {error}"


def _say(lifeline: Connection, said: object) -> bool:
    """Tell the parent; False when it is not there any more."""
    try:
        lifeline.send(said)
    except OSError:
        return False
    return True


#: Below the range from which systems take ports for outgoing connections, so that none of those takes one first.
_PORTS = range(20_000, 32_000)
_next_port = itertools.count(secrets.randbelow(len(_PORTS)))


def free_port() -> int:
    """A TCP port on loopback that nobody listens on just now; each is given once in a while only."""
    for number in itertools.islice(_next_port, len(_PORTS)):
        port = _PORTS[number % len(_PORTS)]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise UserMistake("没有空闲的端口", "there is no free port")
