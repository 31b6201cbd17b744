"""A server of several processes: all listen at one port, over one store; one that dies is replaced.

Rule: the first process serves nobody. It keeps the ports, prepares the store, starts the others, and ends them.
"""

import asyncio
import logging
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from simulator import logs
from simulator.control.desk import Listeners
from simulator.serving import Doors, Settings, StartError, Worker, bound, furnished, make_app, serve, token_for, where
from simulator.store import StoreError

log = logging.getLogger(__name__)

START_S = 30.0
"""How long a worker may take until it listens."""

BREATH_S = 0.5
"""Between two replacements: one that dies at once must not keep the machine busy."""

END_S = 5.0
"""How long it may take to end."""

READY = b"ready"


def serve_by_workers(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM. Raises StartError."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise StartError("this system lets no two processes listen at one port: leave --workers out.")
    logs.start(settings.log_format, settings.log_level)
    with ExitStack() as leaving, _signals() as asked_to_end:
        doors = bound(settings, leaving, listening=False)
        token = token_for(settings, doors.plain)
        settings = _settled(settings, doors, token)
        text = asyncio.run(_prepared(settings, doors, token))
        crew = Crew(settings, doors.told)
        try:
            if crew.start(asked_to_end):
                print(f"{text}\nbanksim ready at {doors.url(settings)}", flush=True)
                crew.keep(asked_to_end)
        finally:
            crew.end()


def _settled(settings: Settings, doors: Doors, token: str | None) -> Settings:
    """What was left to be chosen is chosen once for all: workers must not each choose their own."""

    def port(door: socket.socket | None) -> int | None:
        return None if door is None else int(door.getsockname()[1])

    return replace(
        settings,
        port=int(doors.plain.getsockname()[1]),
        public_url=doors.url(settings),
        token=token or "",
        smtp_port=port(doors.mail),
        tls_refused_port=port(doors.refusing),
        tls_untrusted_port=port(doors.untrusted),
    )


async def _prepared(settings: Settings, doors: Doors, token: str | None) -> str:
    """Brings the store up to date and makes the sandboxes; what a person reads at the start. Raises StartError."""
    app = make_app(settings, doors.url(settings), doors.guard(settings, token), listening=doors.told)
    try:
        await app.open()
        return await where(await furnished(app, settings), settings, token, doors)
    except StoreError as error:
        raise StartError(f"the store cannot be used: {error}") from error
    finally:
        await app.worlds.store.close()


class Crew:
    """The workers. The first of them alone listens where few come, and puts the files of the day."""

    def __init__(self, settings: Settings, listening: Listeners) -> None:
        self._settings = settings
        self._listening = listening
        self._context = multiprocessing.get_context("spawn")
        self._workers: dict[int, SpawnProcess] = {}
        self._words: dict[int, Connection] = {}
        """What each says once it listens."""

    def start(self, asked_to_end: socket.socket) -> bool:
        """True once all listen, False if it is asked to end before. Raises StartError."""
        for index in range(self._settings.workers):
            self._begin(index)
        deadline = time.monotonic() + START_S
        for index, word in self._words.items():
            said = wait([word, asked_to_end], max(0.0, deadline - time.monotonic()))
            if asked_to_end in said:
                return False
            _expect_ready(index, word, bool(said))
        return True

    def keep(self, asked_to_end: socket.socket) -> None:
        """Replaces whoever dies, until it is asked to end."""
        while asked_to_end not in wait([asked_to_end, *(each.sentinel for each in self._workers.values())]):
            for index, worker in list(self._workers.items()):
                if not worker.is_alive():
                    told = "worker %d (process %d) ended with %s; another takes its place"
                    log.error(told, index + 1, worker.pid, worker.exitcode)
                    self._begin(index)
            if wait([asked_to_end], BREATH_S):
                return

    def end(self) -> None:
        for worker in self._workers.values():
            worker.terminate()
        deadline = time.monotonic() + END_S
        for worker in self._workers.values():
            worker.join(max(0.0, deadline - time.monotonic()))
            worker.kill()
            worker.join()

    def _begin(self, index: int) -> None:
        part = self._settings if index == 0 else _plain(self._settings)
        self._words[index], its = self._context.Pipe(duplex=False)
        worker = self._context.Process(target=_work, args=(part, self._listening, its), name=f"banksim {index + 1}")
        worker.start()
        its.close()
        self._workers[index] = worker


def _plain(settings: Settings) -> Settings:
    """Banks, control API, pages and callbacks, and nothing that one process does for all."""
    return replace(
        settings, smtp_port=None, tls_refused_port=None, tls_untrusted_port=None, settlement_folder="", keep=None
    )


def _expect_ready(index: int, word: Connection, said: bool) -> None:
    """Raises StartError."""
    if not said:
        raise StartError(f"worker {index + 1} did not listen within {START_S:g} s")
    try:
        word.recv_bytes()
    except EOFError as error:
        raise StartError(f"worker {index + 1} ended before it listened; it has said why above") from error


def _work(settings: Settings, listening: Listeners, word: Connection) -> None:
    """What a worker's process does. It ends with the first process."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker was started by the first process"
    try:
        serve(settings, Worker(listening, partial(word.send_bytes, READY), parent.sentinel))
    except StartError as error:
        print(f"banksim: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that can be read once SIGINT or SIGTERM has come."""
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    with reading, writing:
        before = signal.set_wakeup_fd(writing.fileno())
        handlers = {each: signal.signal(each, _noted) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(before)
            for each, handler in handlers.items():
                signal.signal(each, handler)


def _noted(number: int, frame: object) -> None:
    """The wakeup socket has it already."""
