"""The payer's hand, served raw: every payment of a load test goes through it, and routing costs more than the work.

Rule: it answers only what the documented endpoint (`payments.happen`) would answer alike; all else is left to that one.
"""

import re
from collections.abc import MutableMapping
from typing import Any

from pydantic import ValidationError

from simulator import bank
from simulator.control.guard import Receive, Scope, Send
from simulator.control.payments import Happening, view
from simulator.payment import Event, IllegalEvent
from simulator.store import StoreError, UnknownSandbox
from simulator.world import Worlds

EVENTS = re.compile(r"/_control/sandboxes/([A-Za-z0-9_-]+)/payments/([0-9a-f]{32})/events")


async def body_of(scope: Scope, receive: Receive) -> tuple[bytes | None, Receive]:
    """(the body if it came in one piece, a `receive` that gives it once more)."""
    message = await receive()
    given = [message]

    async def again() -> MutableMapping[str, Any]:
        return given.pop() if given else await receive()

    whole = message["type"] == "http.request" and not message.get("more_body")
    return (message.get("body", b"") if whole else None), again


async def happened(worlds: Worlds, scope: Scope, body: bytes) -> bytes | None:
    """The answer (JSON) once the event has happened, None if the documented endpoint must look at the request."""
    found = EVENTS.fullmatch(scope["path"])
    if found is None or (b"content-type", b"application/json") not in scope["headers"]:
        return None
    try:
        wanted = Happening.model_validate_json(body)
        world = await worlds.get(found[1])
        event = Event(wanted.event)
        payment = await bank.act(world, found[2], event, outcome=wanted.outcome, amount_vnd=wanted.amount_vnd)
    except (ValidationError, UnknownSandbox, bank.UnknownPayment, IllegalEvent, StoreError):
        return None  # Nothing was changed; the other one says why, in a sentence.
    return view(world, payment).model_dump_json().encode()


def is_hand(scope: Scope) -> bool:
    return bool(scope["method"] == "POST" and scope["path"].endswith("/events"))


async def send_json(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
