"""The one kind of Locust user of all scenarios, and what a process of theirs does of a plan.

Open model (a rate): each process has one user, a gate that lets payers in as they come; they wait for nobody.
Closed model (no rate): each user is a person who pays, thinks, and comes again with another dossier.
"""

import time
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any, ClassVar

import gevent
from gevent.pool import Pool
from geventhttpclient.client import HTTPClientPool
from locust import FastHttpUser, task
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopUser

from loadtests.payers import Payer, payers, think_s
from loadtests.plan import Plan
from loadtests.record import Journey
from loadtests.scenario import Scenario
from loadtests.shapes import arrivals
from loadtests.walk import go

CONNECT_S, ANSWER_S = 10.0, 60.0
"""How long a payer's browser waits."""


class Generator:
    """What one process does of a plan.

    `turned_away` = payers of an open model who came when `users` were on their way already; `behind_s` = how late one
    was let in, at most. Both say that the generator, and not the connector, was the limit.
    """

    def __init__(self, environment: Environment, scenario: Scenario, plan: Plan, gate: int) -> None:
        self.plan = plan
        self.turned_away = 0
        self.behind_s = 0.0
        self._environment = environment
        self._scenario = scenario
        self._gate = gate
        self._began = time.monotonic()
        self._ended: list[Journey] = []
        self._on_the_way: dict[str, Journey] = {}
        self._people = _share(plan, gate)
        self._chance = Random(f"{plan.seed}/thinking/{gate}")
        self._crowd = Pool(max(1, plan.users // plan.gates))
        self._lines = HTTPClientPool(
            concurrency=plan.users, network_timeout=ANSWER_S, connection_timeout=CONNECT_S, insecure=True
        )

    def let_in(self, user: "Crowd") -> None:
        """The open model, until nobody more comes and all have ended."""
        chance = Random(f"{self.plan.seed}/arrivals/{self._gate}")
        peak = self.plan.rate / self.plan.gates
        try:
            for due in arrivals(self.plan.for_s, peak, self._scenario.curve, chance):
                early_s = self._began + due - time.monotonic()
                gevent.sleep(max(0.0, early_s))
                self.behind_s = max(self.behind_s, -early_s)
                if self._crowd.full():
                    self.turned_away += 1
                    continue
                payer = next(self._people, None)
                if payer is None:
                    break
                self._crowd.spawn(self.serve, payer, user)
            self._crowd.join()
        finally:
            self._crowd.kill()  # Those who are still on their way when the run is cut short.

    def one_more(self, user: "Crowd") -> bool:
        """The closed model: the user pays once. False = there is no more to do."""
        payer = next(self._people, None) if time.monotonic() - self._began < self.plan.for_s else None
        if payer is not None:
            self.serve(payer, user)
        return payer is not None

    def serve(self, payer: Payer, user: "Crowd") -> None:
        way = payer.way
        journey = Journey(
            dossier_code=payer.dossier_code,
            bank=way.bank,
            method=way.method,
            amount_vnd=payer.amount_vnd,
            began=time.time(),
        )
        # A browser of their own, with its cookies, over lines that all share.
        http = FastHttpSession("", self._environment.events.request, user, client_pool=self._lines)
        self._on_the_way[payer.dossier_code] = journey
        try:
            go(self.plan, payer, http, journey, self._told)
        finally:
            # Also when the run is cut short: what was paid must be found in the books.
            self._ended.append(self._on_the_way.pop(payer.dossier_code))

    def think_s(self) -> float:
        """How long somebody who paid waits before the next dossier."""
        return self.plan.think * think_s(self._chance)

    def take_ended(self) -> list[Journey]:
        """The journeys that ended since this was asked last."""
        taken, self._ended = self._ended, []
        return taken

    def so_far(self) -> list[Journey]:
        """Those that ended since they were taken last, and, as far as they have come, those that go on."""
        return [*self.take_ended(), *self._on_the_way.values()]

    def _told(self, name: str, took_ms: float, vain: str) -> None:
        events: Any = self._environment.events
        events.request.fire(
            request_type="WAIT",
            name=name,
            response_time=took_ms,
            response_length=0,
            exception=TimeoutError(vain) if vain else None,
            context={},
        )


def _share(plan: Plan, gate: int) -> Iterator[Payer]:
    """The payers of one gate, as many as its share is."""
    share = plan.payments // plan.gates + (gate < plan.payments % plan.gates)
    return islice(payers(plan.run, plan.seed, plan.ways, gate, plan.gates), share)


class Crowd(FastHttpUser):
    """The user of every scenario; a scenario's file names its `scenario`."""

    abstract = True
    host = "http://connector"
    """Locust wants one; every request here has a whole address of its own."""

    scenario: ClassVar[Scenario]

    @task
    def pay(self) -> None:
        generator: Generator = self.environment.generator
        if generator.plan.rate:
            generator.let_in(self)
            raise StopUser
        if not generator.one_more(self):
            raise StopUser
        gevent.sleep(generator.think_s())
