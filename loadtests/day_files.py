"""The banks' files of the business days of a run: which there are, fetched as they are now, handed in at the connector.

Rule: a file goes through the disk; only what is handed in is in memory once, and only if it is not too long for that.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from conformance.order_times import VIETNAM
from conformance.requirement import Capability
from conformance.target import BadTarget, Refused, Target, Unreachable
from simulator.client import FileView, SandboxClient

FILE, HAND_IN = "file", "hand in"
"""How requests for files, and of them, are called among those that are measured."""

HAND_IN_MAX = 32_000_000
DAY_OFF_MAX = timedelta(days=14)
"""No public holiday keeps the Treasury closed for longer."""

DAYS_MAX = 40


@dataclass(frozen=True, slots=True)
class Fetched:
    file: FileView
    path: Path
    took_s: float


@dataclass(frozen=True, slots=True)
class HandedIn:
    """`said` = what the connector says of it, `failed` = why it says nothing ("" = it does)."""

    said: str
    failed: str
    took_s: float


def files_between(sandbox: SandboxClient, merchants: Mapping[str, str], began: float, ended: float) -> list[FileView]:
    """Every file of those merchants, by bank, whose business day has something of that time (seconds since 1970).

    Raises ControlError.
    """
    first, last = (datetime.fromtimestamp(at, UTC) for at in (began, ended))
    found = [
        file
        for day in _dates(first, last)
        for file in sandbox.settlements(day)
        if merchants.get(file.bank) == file.merchant_code and file.begins_at <= last and file.ends_at > first
    ]
    return list(_of_business_days(found))


def _dates(first: datetime, last: datetime) -> Iterator[date]:
    day, until = first.astimezone(VIETNAM).date(), (last + DAY_OFF_MAX).astimezone(VIETNAM).date()
    for _ in range(DAYS_MAX):
        if day <= until:
            yield day
            day += timedelta(days=1)


def _of_business_days(files: Iterable[FileView]) -> Iterator[FileView]:
    """Only those: a day off begins where the next working day does, which ends later."""
    last = {(file.bank, file.kind, file.begins_at): file for file in sorted(files, key=lambda each: each.ends_at)}
    yield from sorted(last.values(), key=lambda each: (each.bank, each.begins_at))


def firsts(files: Iterable[FileView]) -> Iterator[FileView]:
    """Each bank's first kind alone: the one that a connector compares."""
    kinds: dict[str, str] = {}
    for file in files:
        if kinds.setdefault(file.bank, file.kind) == file.kind:
            yield file


def fetch(sandbox: SandboxClient, file: FileView, folder: Path) -> Fetched:
    """The file as it is now, whatever the hour. Raises ControlError."""
    path = folder / f"{file.bank}-{file.kind}-{file.business_date}"
    began = time.monotonic()
    with path.open("wb") as into:
        sandbox.early_file(into, file.bank, file.business_date, kind=file.kind, merchant_code=file.merchant_code)
    return Fetched(file, path, time.monotonic() - began)


def takes_files(target: Target) -> bool:
    return Capability.RECONCILE in target.capabilities


def hand_in(target: Target, fetched: Fetched) -> HandedIn:
    """Whether it was compared or refused is the connector's business; that it answers is not."""
    file = fetched.file
    if fetched.path.stat().st_size > HAND_IN_MAX:
        return HandedIn(f"not handed in: more than {HAND_IN_MAX:,} bytes", "", 0.0)
    began = time.monotonic()
    said, failed = "", ""
    try:
        report = target.reconcile(file.bank, file.business_date, file.name, fetched.path.read_bytes())
        kinds = Counter(each.kind.value for each in report.discrepancies)
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        said = f"refused: {report.refused[:120]}" if report.refused else told or "agrees"
    except (Refused, Unreachable, BadTarget) as error:
        failed = str(error)
    return HandedIn(said, failed, time.monotonic() - began)
