"""What the banks' files of a run came to: each read beside ledger and payers, and handed in once more at the end."""

import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loadtests.day_files import HandedIn, fetch, files_between, firsts, hand_in, takes_files
from loadtests.files_audit import DayFileCount, FilesAudit, Finding, Flaw, audit_files
from loadtests.record import Record
from loadtests.slo import Objective
from loadtests.stage import Stage
from simulator.client import FileView


class HandedInAtLast(msgspec.Struct, frozen=True, kw_only=True):
    """What the connector says of a file of the whole run; `failed` "" = it answered."""

    bank: str
    business_date: str
    said: str
    failed: str
    took_s: float


class Wronged(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of one kind of a bank's files have that flaw."""

    bank: str
    kind: str
    flaw: Flaw
    rows: int


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The banks' files of the business days of the run. `payments` = how many rows they had to have at least."""

    read: tuple[DayFileCount, ...]
    payments: int
    wrong: tuple[Wronged, ...]
    examples: tuple[Finding, ...]
    handed_in: tuple[HandedInAtLast, ...]


@dataclass(frozen=True, slots=True)
class FilesRead:
    """What the audit of the files came to, and what the connector says of those that were handed in at the end."""

    audit: FilesAudit
    handed_in: tuple[HandedInAtLast, ...]

    def objectives(self) -> list[Objective]:
        """None where no bank of the run has a file."""
        if not self.audit.files:
            return []
        failed = sum(bool(each.failed) for each in self.handed_in)
        return [
            Objective(name="files", limit=0, found=self.audit.wrong, unit="rows"),
            Objective(name="hand in", limit=0, found=failed, unit="files"),
        ]

    def told(self) -> Files:
        return Files(
            read=tuple(self.audit.files),
            payments=self.audit.payments,
            wrong=tuple(
                Wronged(bank=bank, kind=kind, flaw=flaw, rows=rows)
                for (bank, kind, flaw), rows in sorted(self.audit.counts.items())
            ),
            examples=tuple(self.audit.examples),
            handed_in=self.handed_in,
        )


def read_files(stage: Stage, record: Record) -> FilesRead:
    """Fetches the banks' files of the run's business days, reads them beside ledger and payers, and hands them in.

    Raises ControlError.
    """
    sandbox, target, folder = stage.run.sandbox, stage.run.target, Path(stage.plan.folder)
    merchants = stage.plan.merchants
    began = record.figures()["began"]
    fetched = [fetch(sandbox, file, folder) for file in files_between(sandbox, merchants, began, time.time())]
    audited = audit_files(record.path, fetched, sandbox.standings(), merchants)
    to_hand_in = {(file.bank, file.kind) for file in firsts(each.file for each in fetched)}
    told = [
        (each.file, hand_in(target, each))
        for each in fetched
        if takes_files(target) and (each.file.bank, each.file.kind) in to_hand_in
    ]
    return FilesRead(audited, tuple(_at_last(file, said) for file, said in told))


def _at_last(file: FileView, said: HandedIn) -> HandedInAtLast:
    return HandedInAtLast(
        bank=file.bank,
        business_date=file.business_date.isoformat(),
        said=said.said,
        failed=said.failed,
        took_s=round(said.took_s, 3),
    )
