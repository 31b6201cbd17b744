"""The banks: every module of this folder that has a DIALECT is one."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from simulator.dialect import Dialect


@cache
def dialects() -> dict[str, Dialect]:
    """All banks by code, found by listing this folder."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found: list[Dialect] = [module.DIALECT for module in sorted(modules, key=lambda module: module.__name__)]
    return {dialect.code: dialect for dialect in found}
