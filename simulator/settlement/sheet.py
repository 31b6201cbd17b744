"""What a file is written from, and what is understood of the file that comes back."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from simulator.payment import Merchant
from simulator.settlement.day import Day, Line

SECRET = "settlement_secret"
"""The merchant's secret with which files are sealed."""

USUAL_SECRET = "demo-secret"
"""Where the merchant has none."""

ERRORS_MAX = 100


class DoesNotFit(Exception):
    """A value is too wide for its field; the message names both."""


class Spoilt(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the file itself: the rows of these orders, its last line, its count."""

    rows: tuple[str, ...] = ()
    footer: bool = False
    count_delta: int = 0


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """All that a file says. `lines` are those of its day that belong into it."""

    merchant: Merchant
    day: Day
    lines: tuple[Line, ...]
    spoilt: Spoilt = Spoilt()

    @property
    def secret(self) -> str:
        return self.merchant.secrets.get(SECRET) or USUAL_SECRET

    def with_secret(self, usual: str) -> "Sheet":
        """The same, sealed with `usual` if the merchant has no secret of its own for files."""
        secrets = {SECRET: usual or USUAL_SECRET, **self.merchant.secrets}
        return msgspec.structs.replace(self, merchant=msgspec.structs.replace(self.merchant, secrets=secrets))

    def option(self, name: str, usual: str) -> str:
        return self.merchant.options.get(name) or usual

    def is_spoilt(self, line: Line) -> bool:
        return line.order_ref in self.spoilt.rows


class Wrong(msgspec.Struct, frozen=True):
    """One thing that is wrong in a file: the number of its line, its field ("" = the line as a whole), and why."""

    line: int
    field: str
    why: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant's file says of one row: "00" it agrees, else the format's own code."""

    line: int
    key: str
    status: str
    amount_vnd: int | None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant's file as it was understood, and the file with which the bank answers it ("" = with none)."""

    rows: tuple[Said, ...] = ()
    errors: tuple[Wrong, ...] = ()
    answer_name: str = ""
    answer: bytes = b""


class DayFile(msgspec.Struct, frozen=True, kw_only=True):
    """One format. `cut_off` is its usual business day, `folder` and `reply_folder` where both sides put their
    files, and `answer_folder` where the bank's answer to the merchant's goes.

    `takes` says which rows belong into it. `pieces` writes it from rows that come one after another; it keeps none.
    `read` understands the merchant's file; None = the merchant sends none.
    """

    kind: str
    title: str
    cut_off: str
    folder: str
    name: Callable[[Sheet], str]
    pieces: Callable[[Sheet, Iterable[Line]], Iterator[bytes]]
    takes: Callable[[Line], bool]
    read: Callable[[bytes, Sheet], Reply] | None = None
    reply_name: Callable[[Sheet], str] | None = None
    reply_folder: str = ""
    answer_folder: str = ""

    def write(self, sheet: Sheet) -> bytes:
        return b"".join(self.pieces(sheet, sheet.lines))


def spoil(checksum: str) -> str:
    """Another checksum of the same form."""
    return ("1" if checksum.startswith("0") else "0") + checksum[1:]


def digits_vnd(text: str) -> int | None:
    """The amount of whole dong; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
