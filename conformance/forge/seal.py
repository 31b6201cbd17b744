"""What the suite knows of one bank's messages and of the answers to them, as values filled in by a file a bank."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from conformance.forge.fields import Envelope, Fields, Path
from simulator.client import Answer, Message

Secrets = Mapping[str, str]


class Word(StrEnum):
    """What a field means, whatever a bank calls it."""

    AMOUNT = "amount"
    """Set in whole VND (an int, brought into the bank's unit), or as text, which goes out as it is."""
    ORDER_REF = "order_ref"
    MERCHANT = "merchant"
    RESULT = "result"
    STATUS = "status"
    """The second code, where a bank has two and both must say yes."""
    CURRENCY = "currency"
    BANK_REF = "bank_ref"
    """The acquiring bank's number of the money, which cash at a counter does not have."""
    MESSAGE_REF = "message_ref"
    """The bank's number of the payment or message: what makes a duplicate a duplicate."""
    DESCRIPTION = "description"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """How one kind of message stands on the wire, and how it is signed.

    `text` is the string to sign; `sign` and `sign_otherwise` (a wrong algorithm, the right key) make the signature of
    it. `shift` moves text over the boundary of two fields. `twins` are further places that say the same as a word's,
    and change with it. `optional` may be left out by the bank; `extra` is a name that no document knows yet (a path,
    if not beside the signature). `unit` = what one VND is on the wire; `numeric` = the amount is a JSON number;
    `hexadecimal` = the signature is hex digits. `over_body` signs a message whose very bytes are signed, and leaves
    them alone; None where fields are signed.
    """

    envelope: Envelope
    signature: Path
    words: Mapping[Word, Path]
    text: Callable[[Fields], str]
    sign: Callable[[str, Secrets], str]
    sign_otherwise: Callable[[str, Secrets], str]
    shift: Callable[[Fields], Fields]
    extra: str | Path
    twins: Mapping[Word, tuple[Path, ...]] = field(default_factory=dict)
    optional: tuple[Path, ...] = ()
    hexadecimal: bool = False
    unit: int = 1
    numeric: bool = False
    over_body: Callable[[Message, Secrets], Message] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A connector's answer as the bank reads it: its code, and what is wrong with its form ("" = nothing)."""

    code: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """How a bank reads an answer to its message. `done` are the codes that end its retries.

    `no` has the codes that the bank's document gives for one kind of refusal; without an entry any code that
    is not in `done` will do.
    """

    read: Callable[[Answer, Message, Secrets], Said]
    done: frozenset[str]
    no: Mapping["No", frozenset[str]] = field(default_factory=dict)


class No(StrEnum):
    """Why a connector should refuse a bank's message."""

    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_ORDER = "unknown_order"
    WRONG_AMOUNT = "wrong_amount"


class Asked(StrEnum):
    """What a field of the connector's own request means."""

    TIME = "time"
    """When the order was made, yyyyMMddHHmmss."""
    EXPIRY = "expiry"
    DESCRIPTION = "description"
    AMOUNT = "amount"
    """In whole VND."""
    NUMBER = "number"
    """The request's own number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How one kind of the connector's requests stands on the wire; `time` brings a time into yyyyMMddHHmmss."""

    envelope: Envelope
    words: Mapping[Asked, Path]
    unit: int = 1
    time: Callable[[str], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One bank: which seal and which grammar belong to a message of it.

    `asking` is what the connector asks the bank, by operation ("create", "query", "refund"). `success` are the
    parameters of a browser's return that say "paid". `sent_secrets` are the names of secrets that a connector has to
    send to the bank itself, as a password. `false_tokens` gives a message under proofs of its sender that are none, by
    what is said of them, where that proof stands beside the signature; `introduced` gives it under a true one.
    """

    seal: Callable[[Message], Seal]
    grammar: Callable[[Message], Grammar]
    asking: Mapping[str, Asking] = field(default_factory=dict)
    success: Mapping[str, str] = field(default_factory=dict)
    sent_secrets: frozenset[str] = frozenset()
    false_tokens: Callable[[Message, Secrets], Mapping[str, Message]] | None = None
    introduced: Callable[[Message, Secrets, datetime], Message] | None = None


def json_object(answer: Answer) -> tuple[dict[str, Any], str]:
    """(the answer's JSON object, "") or ({}, what is wrong): every bank here wants HTTP 200 with one."""
    if answer.status != 200:
        return {}, answer.error or f"HTTP {answer.status} instead of 200"
    kind = next((value for name, value in answer.headers if name.lower() == "content-type"), "")
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}, f"the body is no JSON ({kind or 'no content type'})"
    return (found, "") if isinstance(found, dict) else ({}, "the body is no JSON object")


def text_code(found: Mapping[str, Any], name: str) -> Said:
    """The code in field `name`, which must be there as text."""
    code = found.get(name)
    if isinstance(code, str) and code:
        return Said(code)
    return Said("", f"{name} is {json.dumps(code)}, a code as text is wanted")
