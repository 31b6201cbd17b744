"""A day's files in a folder, as SFTP would leave them there: the banks' are written, the merchants' are read.

Rule: it speaks to a running server through its control API alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from simulator.client import FileView, SandboxClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which files: of yesterday without a date, of every bank and kind without one; `since` and `faults` as in HTTP."""

    business_date: date | None = None
    bank: str = ""
    kind: str = ""
    late_s: int = 0
    since: date | None = None
    faults: Mapping[str, Any] | None = None

    def names(self, told: FileView) -> bool:
        return self.bank in ("", told.bank) and self.kind in ("", told.kind)


def exchange(sandbox: SandboxClient, folder: Path, asked: Asked, say: Callable[[str], None]) -> bool:
    """Writes each file of that day that is ready, and reads each reply that lies there. Whether no reply was wrong.

    Raises ControlError, and OSError for a folder that cannot be written.
    """
    now = sandbox.clock().now
    sound = True
    for told in filter(asked.names, sandbox.settlements(asked.business_date)):
        ready_at = told.ready_at + timedelta(seconds=asked.late_s)
        if now < ready_at:
            say(f"{told.bank}: {told.name} is there from {ready_at.isoformat()} on")
            continue
        content = sandbox.settlement_file(
            told.bank,
            told.business_date,
            kind=told.kind,
            merchant_code=told.merchant_code,
            late_s=asked.late_s,
            since=asked.since,
            faults=asked.faults,
        )
        say(f"{told.bank}: wrote {_put(folder, told.folder, told.name, content)}")
        sound = _read(sandbox, folder, told, asked, say) and sound
    return sound


def _read(sandbox: SandboxClient, folder: Path, told: FileView, asked: Asked, say: Callable[[str], None]) -> bool:
    """Whether the merchant's file is sound, or is not there."""
    path = folder / told.reply_folder / _plain(told.reply_name)
    if not told.reply_name or not path.is_file():
        return True
    found = sandbox.reply(
        told.bank,
        told.business_date,
        path.read_bytes(),
        kind=told.kind,
        merchant_code=told.merchant_code,
        since=asked.since,
        faults=asked.faults,
    )
    say(f"{told.bank}: read {path}, {len(found.rows)} rows, {len(found.errors)} errors")
    for error in found.errors:
        say(f"  line {error.line}, {error.field or 'as a whole'}: {error.why}")
    if found.answer_name:
        say(f"{told.bank}: wrote {_put(folder, found.answer_folder, found.answer_name, found.answer)}")
    return found.accepted


def _put(folder: Path, below: str, name: str, content: bytes) -> Path:
    path = folder / below / _plain(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _plain(name: str) -> str:
    """A merchant's code stands in the name, and may hold what leads out of the folder."""
    return name.replace("/", "_").replace("\\", "_").replace("\x00", "_")
