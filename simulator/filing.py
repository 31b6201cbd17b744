"""A day's files in a folder, as SFTP would leave them there: the banks' are written, the merchants' are read.

Rule: it speaks to a running server through its control API alone.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from simulator.client import FileView, SandboxClient


def exchange(
    sandbox: SandboxClient, folder: Path, business_date: date | None, bank: str, say: Callable[[str], None]
) -> bool:
    """Writes each file of that day that is ready, and reads each reply that lies there. Whether no reply was wrong.

    Raises ControlError, and OSError for a folder that cannot be written.
    """
    now = sandbox.clock().now
    sound = True
    for told in sandbox.settlements(business_date):
        if bank not in ("", told.bank):
            continue
        if now < told.ready_at:
            say(f"{told.bank}: {told.name} is there from {told.ready_at.isoformat()} on")
            continue
        content = sandbox.settlement_file(
            told.bank, told.business_date, kind=told.kind, merchant_code=told.merchant_code
        )
        say(f"{told.bank}: wrote {_put(folder, told.folder, told.name, content)}")
        sound = _read(sandbox, folder, told, say) and sound
    return sound


def _read(sandbox: SandboxClient, folder: Path, told: FileView, say: Callable[[str], None]) -> bool:
    """Whether the merchant's file is sound, or is not there."""
    path = folder / told.reply_folder / _plain(told.reply_name)
    if not told.reply_name or not path.is_file():
        return True
    found = sandbox.reply(
        told.bank, told.business_date, path.read_bytes(), kind=told.kind, merchant_code=told.merchant_code
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
