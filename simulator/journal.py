"""Journal entries: one HTTP exchange as it crossed the wire, secrets and card numbers masked. Rule: pure values."""

import re
from collections.abc import Iterable
from datetime import datetime

from simulator.cards import mask_encoded, mask_pans
from simulator.payment import Payment
from simulator.store import Exchange
from simulator.wire import Answer, Headers, Outgoing, Request, Response
from simulator.world import World

_CREDENTIALS = frozenset(
    {"auth", "authorization", "cookie", "lgspaccesstoken", "set-cookie", "x-api-key", "x-secret-key"}
)

# Fields in which a protocol itself carries a secret; one that stands anywhere else is the connector's fault, and shown.
_NAMES = rb"(?i:client_?secret|(?:vpc_)?password)"
_IN_A_FORM = re.compile(rb"(?<![^?&])(" + _NAMES + rb"=)[^&]+")
_IN_JSON = re.compile(rb'("' + _NAMES + rb'"\s*:\s*)"(?:[^"\\]|\\.)*"?')


def journal_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers as the journal keeps them: no credentials, and no `date`, which is the machine's time."""
    lowered = [(name.lower(), value) for name, value in headers]
    return tuple([(name, "***" if name in _CREDENTIALS else value) for name, value in lowered if name != "date"])


def without_secrets(message: bytes) -> bytes:
    """A form or a JSON object as the journal keeps it: "client_secret=***&..."."""
    lowered = message.lower()
    if b"secret" not in lowered and b"password" not in lowered:
        return message
    return _IN_JSON.sub(rb'\1"***"', _IN_A_FORM.sub(rb"\1***", message))


def outgoing_exchange(
    bank: str,
    operation: str,
    payment: Payment | None,
    outgoing: Outgoing,
    answer: Answer,
    at: datetime,
    note: str,
) -> Exchange:
    """The journal entry of a bank's request to a connector."""
    return Exchange(
        direction="out",
        at=at,
        bank=bank,
        operation=operation,
        payment_id=payment.payment_id if payment else "",
        order_ref=payment.order.order_ref if payment else "",
        method=outgoing.method,
        url=outgoing.url,
        request_headers=journal_headers(outgoing.headers),
        request_body=without_secrets(mask_pans(outgoing.body)),
        status=answer.status,
        response_headers=journal_headers(answer.headers),
        response_body=mask_pans(answer.body),
        note="; ".join(part for part in (note, answer.error) if part),
    )


def incoming_exchange(
    world: World,
    bank: str,
    operation: str,
    payment: Payment | None,
    order_ref: str,
    request: Request,
    response: Response | None,
    at: datetime,
    note: str,
    *,
    refused: bool = False,
) -> Exchange:
    """The journal entry of a connector's request to a bank; `order_ref` is the order that it names.

    `response` None = it never arrived. Of a request that was `refused`, perhaps for a real card's number, numbers
    inside what is encoded are masked too.
    """
    query = without_secrets(mask_pans(request.query)).decode("latin-1")
    return Exchange(
        direction="in",
        at=at,
        bank=bank,
        operation=operation,
        payment_id=payment.payment_id if payment else "",
        order_ref=order_ref,
        method=request.method,
        url=f"{world.prefix}/{bank}{request.path}" + (f"?{query}" if query else ""),
        request_headers=journal_headers(request.headers.items()),
        request_body=without_secrets(mask_encoded(request.body) if refused else mask_pans(request.body)),
        status=response.status if response else 0,
        response_headers=journal_headers(response.headers) if response else (),
        response_body=mask_pans(response.body) if response else b"",
        note=mask_pans(note.encode()).decode() if note else "",
    )
