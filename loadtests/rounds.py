"""While people pay, the banks' files of the day go round: fetched from the banks, handed in at the connector.

Rule: one round at a time, and no more rounds than fit into the run; their times are told to Locust as requests.
"""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust.env import Environment

from conformance.http_target import HttpTarget
from conformance.target_file import read_target_file
from loadtests.day_files import FILE, HAND_IN, Fetched, fetch, files_between, firsts, hand_in, takes_files
from loadtests.plan import Plan
from simulator.client import ControlError, FileView, SandboxClient

PAUSE_MIN_S = 1.0
"""Between two rounds, however short the run is."""


class Rounds:
    """`every` = how often, in shares of the run's time."""

    def __init__(self, environment: Environment, plan: Plan, sandbox: SandboxClient, every: float) -> None:
        self._environment = environment
        self._plan = plan
        self._sandbox = sandbox
        self._pause_s = max(PAUSE_MIN_S, every * plan.for_s)
        self._target = _told_where(plan)

    def go(self) -> None:
        """Until the last payer has come."""
        began = time.time()
        ends, due = began + self._plan.for_s, began + self._pause_s
        while due <= ends:
            gevent.sleep(max(0.0, due - time.time()))
            try:
                files = files_between(self._sandbox, self._plan.merchants, began, time.time())
            except ControlError as error:
                self._tell(FILE, 0.0, str(error))
                files = []
            for file in firsts(files):
                self._go_round(file)
            due = max(due + self._pause_s, time.time())

    def _go_round(self, file: FileView) -> None:
        began = time.monotonic()
        try:
            fetched = fetch(self._sandbox, file, Path(self._plan.folder))
        except ControlError as error:
            self._tell(FILE, time.monotonic() - began, str(error))
            return
        self._tell(FILE, fetched.took_s, "", fetched)
        if takes_files(self._target):
            found = hand_in(self._target, fetched)
            self._tell(HAND_IN, found.took_s, found.failed, fetched)

    def _tell(self, name: str, took_s: float, failed: str, fetched: Fetched | None = None) -> None:
        events: Any = self._environment.events
        events.request.fire(
            request_type="DAY",
            name=name,
            response_time=took_s * 1000,
            response_length=fetched.path.stat().st_size if fetched else 0,
            exception=RuntimeError(failed) if failed else None,
            context={},
        )


def _told_where(plan: Plan) -> HttpTarget:
    """The connector of the run, which somebody else has started."""
    file = read_target_file(Path(plan.target))
    connector = msgspec.structs.replace(file.connector, base_url=plan.door.url)
    target = HttpTarget(replace(file, connector=connector, launch=None))
    target.start(plan.banks.url, Path(plan.folder))
    return target
