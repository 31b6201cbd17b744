"""Well-formed messages to and from each bank, for tests that hold for every bank: one module a bank, found by listing.

A module has `answer(method, url, body)`, what a sound connector answers to that bank's messages, and, if connectors
call the bank, `SAMPLE`. `EMPTY_ACKNOWLEDGES` are the statuses with which an empty answer is a documented yes.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import msgspec

from simulator.banks import dialects
from simulator.wire import Answer
from tests.samples.sample import BILL_AMOUNT_VND, JSON_HEADERS, Said, Sample

__all__ = [
    "ANSWERS",
    "BILL_AMOUNT_VND",
    "EMPTY_ACKNOWLEDGES",
    "JSON_HEADERS",
    "ORDERED",
    "SAMPLES",
    "Sample",
    "answered",
]

_MODULES = {each.name: import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__)}

SAMPLES: dict[str, Sample] = {
    code: _MODULES[code].SAMPLE for code in dialects() if code in _MODULES and hasattr(_MODULES[code], "SAMPLE")
}
ORDERED = tuple(code for code, sample in SAMPLES.items() if sample.create)
"""The banks at which connectors make orders."""

ANSWERS: dict[str, Callable[[str, str, bytes], Said]] = {
    code: _MODULES[code].answer for code in dialects() if code in _MODULES
}
"""What a sound connector answers to each bank's messages."""

EMPTY_ACKNOWLEDGES: dict[str, frozenset[int]] = {
    code: getattr(_MODULES.get(code), "EMPTY_ACKNOWLEDGES", frozenset()) for code in dialects()
}


def answered(code: str, method: str, url: str, body: bytes) -> Answer:
    """The same as a whole answer."""
    said = ANSWERS[code](method, url, body)
    if isinstance(said, Answer):
        return said
    if isinstance(said, dict):
        return Answer(200, (("content-type", "application/json"),), msgspec.json.encode(said))
    kind = (("content-type", "text/plain; charset=utf-8"),)
    return Answer(200, kind, said if isinstance(said, bytes) else said.encode())
