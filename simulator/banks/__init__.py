"""The banks: every module of this folder is one, with its product as DIALECT or several as DIALECTS."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from simulator.dialect import Dialect


@cache
def dialects() -> dict[str, Dialect]:
    """All banks by code, found by listing this folder."""
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    found = [dialect for module in sorted(modules, key=lambda module: module.__name__) for dialect in _of(module)]
    return {dialect.code: dialect for dialect in found}


def _of(module: ModuleType) -> tuple[Dialect, ...]:
    products: tuple[Dialect, ...] | None = getattr(module, "DIALECTS", None)
    return products if products is not None else (module.DIALECT,)
