"""The banks that the portal works with: one file each, found by listing this folder."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from conformance.targets.portal.counterpart import Counterpart

_FIRST = ("vnpay", "dvcqg")
"""What the citizen's page offers first; the others follow by name."""


@cache
def counterparts() -> Mapping[str, Counterpart]:
    """By the bank's code."""
    names = [found.name for found in pkgutil.iter_modules(__path__)]
    known = [import_module(f"{__name__}.{name}").COUNTERPART for name in names]
    ordered = sorted(known, key=lambda each: (each.bank not in _FIRST, each.bank))
    return {each.bank: each for each in ordered}
