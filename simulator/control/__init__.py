"""The control API: how tests and people steer the banks from outside; never a bank's own address."""

from typing import Any

from fastapi import FastAPI

from simulator.control import (
    accounts,
    banks,
    bills,
    cards,
    clock,
    counters,
    docs,
    faults,
    hand,
    inbox,
    journal,
    listeners,
    merchants,
    messages,
    metrics,
    payments,
    problems,
    sandboxes,
    settlements,
    terminals,
    transfers,
)
from simulator.control.desk import NO_LISTENERS, Desk, Listeners
from simulator.control.guard import ASGIApp, Guard, Receive, Scope, Send, objection_to
from simulator.delivery import Courier
from simulator.world import Worlds

PREFIX = "/_control"
PREFIXES = (PREFIX, docs.PATH, metrics.PATH)
"""Where the edge hands a request over to the control app, address unchanged."""

ROUTERS = (
    payments,
    clock,
    journal,
    sandboxes,
    merchants,
    bills,
    transfers,
    terminals,
    counters,
    accounts,
    messages,
    inbox,
    faults,
    banks,
    cards,
    settlements,
    listeners,
)
"""Those that are called most come first: they are looked up in this order."""

DESCRIPTION = """
Steers the simulated banks: what a payer does, what goes wrong, what time it is, and what was said on the wire.

* A **sandbox** is a tenant with its own merchants, clock, seed, faults and journal; `default` is always there.
* On a **manual clock** nothing is sent on its own: moving the clock carries out all that falls due on the way.
* A **fault** is asked for beforehand and strikes the next occasion that matches.
* A refusal is always `{"detail": "...", "reason": ""}`; the sentence says what was wrong, where, and what to do.
* Money is whole dong (`_vnd`), durations are seconds (`_s`), instants (`_at`) are ISO 8601 with their offset.
* `GET /metrics` is for Prometheus, with the same token. `banksim serve --keep 7d` removes what ended longer ago.
"""

TAGS: list[dict[str, Any]] = [
    {"name": "sandboxes", "description": "Tenants: make, empty, remove."},
    {"name": "merchants", "description": "Where the connector listens, what both sign with, how often banks retry."},
    {"name": "clock", "description": "Read the time; move it, if it is a manual one."},
    {"name": "payments", "description": "What payers and banks do."},
    {"name": "bills", "description": "Banks that ask the connector what is owed."},
    {"name": "terminal", "description": "A shop's payment terminal: cards, QR codes, time-outs, voids, end of day."},
    {"name": "counter", "description": "A bank's teller: cash or account, cut-off, mistakes and corrections."},
    {"name": "accounts", "description": "What the payers' accounts have and may pay, and when nobody can log in."},
    {"name": "cards", "description": "Test cards, and paying with one."},
    {"name": "messages", "description": "Callbacks written, changed and sent by hand."},
    {"name": "inbox", "description": "What payers were sent by portals and by their banks."},
    {"name": "faults", "description": "What is to go wrong."},
    {"name": "settlements", "description": "Business days: the banks' reconciliation files, and answers to them."},
    {"name": "journal", "description": "What crossed the wire, what is still owed, what money moved."},
    {"name": "banks", "description": "Which banks there are, and what was assumed about them."},
]

TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "Printed at the start of a server that listens beyond its own machine.",
}


def create_control(worlds: Worlds, courier: Courier, guard: Guard, listening: Listeners = NO_LISTENERS) -> "Control":
    """The control API and its docs, to be served at the root for the paths of PREFIXES."""
    app = FastAPI(
        title="banksim control API",
        version="1",
        summary="One server that stands in for many Vietnamese banks.",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=docs.OPENAPI,
        docs_url=None,
        redoc_url=None,
    )
    app.state.desk = Desk(worlds, courier, listening, worlds.clock())
    problems.install(app)
    for module in ROUTERS:
        app.include_router(module.router, prefix=PREFIX)
    app.include_router(docs.router)
    app.include_router(metrics.router)
    _show_token(app)
    return Control(app, guard, worlds)


def _show_token(app: FastAPI) -> None:
    """Gives /docs its button for the token. A dependency of every route would do it too, at a price for every call."""
    written = app.openapi

    def with_token() -> dict[str, Any]:
        schema = written()
        schema["components"]["securitySchemes"] = {"token": TOKEN}
        schema["security"] = [{"token": []}]
        return schema

    app.openapi = with_token  # type: ignore[method-assign]


class Control:
    """The guarded ASGI application; `api` is the FastAPI behind it."""

    def __init__(self, api: FastAPI, guard: Guard, worlds: Worlds) -> None:
        self.api = api
        self._guard = guard
        self._worlds = worlds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refuse = self._refusal(scope) if scope["type"] == "http" else None
        if refuse is None and scope["type"] == "http" and hand.is_hand(scope):
            body, receive = await hand.body_of(scope, receive)
            done = None if body is None else await hand.happened(self._worlds, scope, body)
            if done is not None:
                await hand.send_json(send, done)
                return
        await (refuse or self.api)(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if not scope["path"].startswith((f"{PREFIX}/", metrics.PATH)):
            return None
        objection = objection_to(self._guard, scope)
        if objection is None:
            return None
        response = problems.answer(*objection)
        if response.status_code == 401:
            response.headers["www-authenticate"] = 'Bearer realm="banksim"'
        return response
