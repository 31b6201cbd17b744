"""What a launch must hold, read from a TOML file, and whether a run held it. Pure but for reading the file.

[response]                  # milliseconds, of "open", "page", "return", "status", the wait "paid", and of the bank's
open = { p95 = 800, p99 = 2000 }       # "callback" (until it is answered) and "lag" (until it is acknowledged)
paid = { p95 = 5000 }
callback = { p99 = 1000 }

[money]                     # how many dossiers at most
lost = 0
doubled = 0

[errors]
share = 0.01                # of all requests
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loadtests.audit import Audit
from loadtests.judging import WRONG, Fate


class BadSlo(Exception):
    """The file cannot be read as objectives: a sentence for its owner."""


class Times(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Upper limits in milliseconds; None = none."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None


class Errors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    share: float = 1.0


class Slo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without a file nothing is asked of times and errors, and no dong may be lost."""

    response: dict[str, Times] = {}
    money: dict[Fate, int] = {}
    errors: Errors = Errors()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run came to: response times in ms by name and percentile ("p95"), and the share of failed requests."""

    times: Mapping[str, Mapping[str, float]]
    error_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One line of the verdict. `limit` and `found` are in `unit`; `found` None = nothing of the kind was measured."""

    name: str
    limit: float
    found: float | None
    unit: str

    @property
    def held(self) -> bool:
        return self.found is not None and self.found <= self.limit


def read_slo(path: Path) -> Slo:
    """Raises BadSlo."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Slo)
    except OSError as error:
        raise BadSlo(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadSlo(f"{path}: {error}") from error


def objectives(slo: Slo, measured: Measured, audit: Audit) -> list[Objective]:
    """Each with what was found. Every wrong fate has a limit, 0 where the file names none."""
    return [*_of_money(slo, audit), *_of_times(slo, measured), *_of_errors(slo, measured)]


def _of_money(slo: Slo, audit: Audit) -> Iterator[Objective]:
    for fate in WRONG:
        found = audit.total(fate).dossiers
        yield Objective(name=fate.value, limit=slo.money.get(fate, 0), found=found, unit="dossiers")


def _of_times(slo: Slo, measured: Measured) -> Iterator[Objective]:
    for name, limits in slo.response.items():
        for percentile, limit in msgspec.structs.asdict(limits).items():
            if limit is not None:
                found = measured.times.get(name, {}).get(percentile)
                yield Objective(name=f"{name} {percentile}", limit=limit, found=found, unit="ms")


def _of_errors(slo: Slo, measured: Measured) -> Iterator[Objective]:
    if slo.errors.share < 1:
        yield Objective(name="errors", limit=slo.errors.share, found=measured.error_share, unit="share of requests")
