"""How a run is led: the leader hands the plan to the generators, takes their journeys, makes trouble, and ends the run.

Rule: imported by every scenario's file, so that each works with plain `locust -f` too; a stage is then set up for it.
"""

import logging
import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
import msgspec
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner

from loadtests.crowd import Crowd, Generator
from loadtests.plan import ENVIRONMENT, Plan, decode, encode, read
from loadtests.record import Happening, Journey, Record, window_of
from loadtests.rounds import Rounds
from loadtests.scenario import Scenario, Trouble
from loadtests.staged import Staged
from loadtests.telling import callback_times
from simulator.client import Banksim, ControlError, SandboxClient

PLAN, END, LAST, REPORT = "banksim_plan", "banksim_end", "banksim_last", "banksim"
WINDOW_S = 2.0
LOOK_S = 0.5
LAST_WORDS_S = 10.0
"""How long the leader waits for what generators have to tell of those who are cut short."""

ERROR_CHARS = 300


def take_part(environment: Environment, **_: Any) -> None:
    """What this process is in the run: a generator, the leader, or both."""
    [crowd] = environment.user_classes
    assert issubclass(crowd, Crowd), "a scenario's file has one kind of user"
    scenario = crowd.scenario
    if isinstance(environment.runner, WorkerRunner):
        _follow(environment, environment.runner, scenario)
    else:
        Leader(environment, scenario).listen()


logging.getLogger("httpx").setLevel(logging.WARNING)  # Locust logs all that is said; each call would be a line.
_HOOKS: Any = events
_HOOKS.init.add_listener(take_part)


def user_of(scenario: Scenario) -> type[Crowd]:
    """The kind of user that Locust is given for a scenario."""
    return type("Payers", (Crowd,), {"scenario": scenario, "__module__": f"loadtests.{scenario.name}"})


class Told(msgspec.Struct, array_like=True):
    """What a generator tells: who ended since it told before, and whether it keeps up."""

    journeys: list[Journey]
    turned_away: int
    behind_s: float


def _told(generator: Generator) -> Told:
    return Told(generator.take_ended(), generator.turned_away, generator.behind_s)


def _follow(environment: Environment, runner: WorkerRunner, scenario: Scenario) -> None:
    """A worker is given the plan before its users start, and reports with Locust's own statistics."""

    def begin(environment: Environment, msg: Any, **_: Any) -> None:
        environment.generator = Generator(environment, scenario, decode(msg.data["plan"]), runner.worker_index)  # type: ignore[attr-defined]

    def report(client_id: str, data: dict[str, Any]) -> None:
        generator: Generator | None = getattr(environment, "generator", None)
        if generator is not None:
            data[REPORT] = msgspec.msgpack.encode(_told(generator))

    def end(environment: Environment, msg: Any, **_: Any) -> None:
        generator: Generator | None = getattr(environment, "generator", None)
        told = Told(generator.so_far(), generator.turned_away, generator.behind_s) if generator else Told([], 0, 0.0)
        runner.send_message(LAST, {REPORT: msgspec.msgpack.encode(told)})

    runner.register_message(PLAN, begin)
    runner.register_message(END, end)
    told: Any = environment.events
    told.report_to_master.add_listener(report)


class Leader:
    """The process that keeps the record. It is a generator too unless it has workers."""

    def __init__(self, environment: Environment, scenario: Scenario) -> None:
        self._environment = environment
        self._scenario = scenario
        self._staged = None if ENVIRONMENT in os.environ else Staged(scenario.name)
        plan_file = os.environ[ENVIRONMENT] if self._staged is None else self._staged.plan_file
        self._plan = read(Path(plan_file))
        self._record = Record(self._plan.record)
        self._sandbox = _sandbox(self._plan)
        self._seen: dict[tuple[str, str], tuple[Counter[int], int]] = {}
        self._told: dict[str, Counter[int]] = {}
        self._limits: dict[str, tuple[int, float]] = {}
        self._at_work: list[gevent.Greenlet] = []
        self._last_words: set[str] = set()

    def listen(self) -> None:
        told: Any = self._environment.events
        told.test_start.add_listener(self._begin)
        told.worker_report.add_listener(self._take)
        told.test_stopping.add_listener(self._let_all_tell)
        told.test_stop.add_listener(self._end)
        told.quit.add_listener(self._leave)
        if isinstance(self._runner, MasterRunner):
            self._runner.register_message(LAST, self._hear_last)

    def _begin(self, **_: Any) -> None:
        runner = self._runner
        if isinstance(runner, MasterRunner):
            plan = msgspec.structs.replace(self._plan, gates=runner.worker_count)
            runner.send_message(PLAN, {"plan": encode(plan)})
        else:
            plan = msgspec.structs.replace(self._plan, gates=1)
            self._environment.generator = Generator(self._environment, self._scenario, plan, 0)  # type: ignore[attr-defined]
        self._began = time.time()
        self._record.set_figure("began", self._began)
        work = [self._watch, *(lambda trouble=trouble: self._make(trouble) for trouble in self._scenario.troubles)]
        if self._scenario.files_every:
            work.append(Rounds(self._environment, self._plan, self._sandbox, self._scenario.files_every).go)
        self._at_work = [gevent.spawn(each) for each in work]

    @property
    def _runner(self) -> Runner:
        runner = self._environment.runner
        assert runner is not None, "an environment that was initialised has a runner"
        return runner

    def _take(self, client_id: str, data: Mapping[str, Any]) -> None:
        if REPORT in data:
            self._keep(client_id, msgspec.msgpack.decode(data[REPORT], type=Told))

    def _keep(self, generator: str, told: Told) -> None:
        self._record.add_journeys(told.journeys)
        self._limits[generator] = (told.turned_away, told.behind_s)

    def _watch(self) -> None:
        """Keeps what was measured, and ends the run once nobody comes any more and all have ended."""
        runner = self._runner
        window_ends, came = time.time() + WINDOW_S, False
        while True:
            gevent.sleep(LOOK_S)
            came = came or runner.user_count > 0
            if time.time() >= window_ends:
                window_ends += WINDOW_S
                self._measure()
            if came and runner.user_count == 0:
                gevent.spawn(runner.quit)
                return

    def _measure(self) -> None:
        """What was answered since the last time, of each kind of request, and what the banks told since then."""
        now, windows = time.time(), []
        for key, entry in self._environment.stats.entries.items():
            times, failed = Counter(entry.response_times), entry.num_failures
            before, failed_before = self._seen.get(key, (Counter(), 0))
            self._seen[key] = (times, failed)
            windows.append(window_of(now, key[0], times - before, failed - failed_before))
        for name, told in self._callbacks().items():
            windows.append(window_of(now, name, told - self._told.get(name, Counter()), 0))
            self._told[name] = told
        self._record.add_windows(each for each in windows if each.requests)
        generator: Generator | None = getattr(self._environment, "generator", None)
        if generator is not None:
            self._keep("", _told(generator))

    def _callbacks(self) -> dict[str, Counter[int]]:
        """By kind of time. The banks may be out of reach for a moment: then these windows are wider."""
        try:
            return {name: Counter(told) for name, told in callback_times(self._sandbox).items()}
        except ControlError:
            return {}

    def _make(self, trouble: Trouble) -> None:
        """Lets something go wrong for its part of the run."""
        gevent.sleep(max(0.0, self._began + trouble.begins * self._plan.for_s - time.time()))
        at = time.time()
        made = [self._sandbox.add_fault(kind, **settings) for kind, settings in trouble.faults]
        try:
            gevent.sleep(max(0.0, self._began + trouble.ends * self._plan.for_s - time.time()))
        finally:
            for each in made:
                self._sandbox.remove_fault(each.fault_id)
            self._record.add_happening(Happening(at, time.time(), trouble.says, trouble.says_vi))

    def _let_all_tell(self, **_: Any) -> None:
        """Whoever is cut short with the run is kept too: a leader that quits waits half a second for last reports."""
        runner = self._runner
        if isinstance(runner, MasterRunner):
            runner.send_message(END)
            deadline = time.monotonic() + LAST_WORDS_S
            while len(self._last_words) < runner.worker_count and time.monotonic() < deadline:
                gevent.sleep(LOOK_S / 10)

    def _hear_last(self, environment: Environment, msg: Any, **_: Any) -> None:
        self._last_words.add(msg.node_id)
        self._take(msg.node_id, msg.data)

    def _end(self, **_: Any) -> None:
        gevent.killall(self._at_work)
        self._measure()
        turned_away = sum(each for each, _ in self._limits.values())
        self._record.set_figure("turned away", turned_away)
        self._record.set_figure("behind_s", max((late for _, late in self._limits.values()), default=0.0))
        for entry in self._environment.stats.entries.values():
            self._record.add_times(entry.name, entry.response_times)
        for error in self._environment.stats.errors.values():
            self._record.add_failure(error.name, str(error.error)[:ERROR_CHARS], error.occurrences)
        self._record.set_figure("requests", self._environment.stats.total.num_requests)
        self._record.set_figure("failures", self._environment.stats.total.num_failures)
        self._record.set_figure("ended", time.time())

    def _leave(self, **_: Any) -> None:
        self._measure()
        self._record.close()
        if self._staged is not None:
            self._staged.leave()


def _sandbox(plan: Plan) -> SandboxClient:
    server, _, name = plan.banks.control_url.rpartition("/_control/sandboxes/")
    return Banksim(server, plan.banks.token or None).sandbox(name)
