"""Faults that a connector's own request asks for in its header: "X-Banksim-Fault: lost" or "http_500; times=2, delay".

Rule: a header that is not understood is told in a sentence, and nothing is done.
"""

import re

from pydantic import ValidationError

from simulator.control.faults import NewFault, check, rule
from simulator.control.problems import Refused, sentence
from simulator.dialect import Dialect
from simulator.faults import FAULTS, Fault
from simulator.world import DEFAULT, World

HEADER = "x-banksim-fault"
TEXT_MAX = 500
FAULTS_MAX = 5
PLANNED_MAX = 500
"""So many may wait in one sandbox for their occasion before headers can add no more."""

RULES = ("operation", "skip", "times", "probability")
"""What of a rule a header may say beside the fault's settings; the order and its bank are those of the request."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}\.[0-9]{1,15}")


async def asked(text: str, world: World, dialect: Dialect) -> tuple[Fault, ...]:
    """The rules that the header's text asks for, still without an order. Raises Refused."""
    if world.name == DEFAULT:
        raise _wrong(
            f"it is heard only in a sandbox of your own, for the sandbox {DEFAULT!r} belongs to all; "
            'POST /_control/sandboxes {"name": "mine"} makes one, at /s/mine'
        )
    if len(text) > TEXT_MAX:
        raise _wrong(f"it is longer than {TEXT_MAX} characters")
    wishes = text.split(",")
    if len(wishes) > FAULTS_MAX:
        raise _wrong(f"it asks for more than {FAULTS_MAX} faults")
    rules = tuple(_one(wish, dialect) for wish in wishes)
    if len((await world.store.sandbox(world.name)).faults) + len(rules) > PLANNED_MAX:
        raise _wrong(f"{PLANNED_MAX} faults are planned in this sandbox; DELETE /_control/... /faults clears them")
    return rules


def _one(wish: str, dialect: Dialect) -> Fault:
    kind, *parts = (part.strip() for part in wish.split(";"))
    if kind not in FAULTS:
        raise _wrong(f"there is no fault {kind!r}; `banksim faults` lists them")
    told: dict[str, object] = {}
    for part in parts:
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals:
            raise _wrong(f"{part!r} is not like delay_s=5")
        readable = (*FAULTS[kind].settings, *RULES)
        if name not in readable:
            raise _wrong(f"`{kind}` has no setting {name!r}; it has: {', '.join(readable)}")
        if name in told:
            raise _wrong(f"{name} is given twice")
        told[name] = _value(value)
    try:
        wanted = NewFault.model_validate({"kind": kind, "bank": dialect.code, **told})
    except ValidationError as error:
        raise Refused(400, sentence([{**each, "loc": ("header", *each["loc"])} for each in error.errors()])) from error
    check(wanted)
    return rule(wanted, "")


def _value(text: str) -> object:
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


def _wrong(why: str) -> Refused:
    return Refused(400, f"Header `X-Banksim-Fault`: {why}. Nothing was done.")
