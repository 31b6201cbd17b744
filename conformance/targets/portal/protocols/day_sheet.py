"""A bank's file of a business day: names in the first line, values between bars, a checksum on each row and the last.

Rule: read whole or not at all. A file that is no text, has another layout, addressee or day, or lacks rows is refused;
a row that does not hold what it promises is marked, and the rest still counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.protocols.fields import NO_AMOUNT

Fields = Mapping[str, str]
Seal = Callable[[Fields, str], str]
SealLast = Callable[[Fields, list[str], str], str]

SIZE_MAX = 8_000_000
_ROWS_MAX = 100_000
_LINE_MAX = 4_000


class Sold(StrEnum):
    """What a row says happened."""

    PAID = "paid"
    TAKEN_BACK = "taken_back"
    """A payment that the bank took back."""
    REFUND = "refund"


class Verdict(StrEnum):
    """What the bank is answered of a row; the files' own two digits."""

    AGREED = "00"
    BANK_ONLY = "01"
    PORTAL_ONLY = "02"
    DIFFERS = "03"


class Unusable(Exception):
    """The file as a whole is not compared: `kind` is one of a few words, `why` a sentence."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One row, in the portal's words. `trouble` says what is wrong with the row itself, "" = nothing.

    `money_ref` is how the books call the same money. `carried` = it belongs to an earlier day and comes late.
    """

    fields: Fields
    what: Sold
    money_ref: str
    order_ref: str
    bank_ref: str
    amount_vnd: int
    carried: bool = False
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One bank's file. The last column of `columns` and of `last` is the checksum, the first says what a line is.

    `rows` are the words for payments, `passed` those for lines that are only sums; `counted` are those that `count` in
    the last line counts. `merchant` and `day` name the last line's columns for addressee and business date; "" = it has
    none. `adds_up` says whether the sums that rows and last line tell are those of the rows. `understand` turns a row's
    values into the portal's words, its amount NO_AMOUNT if that is none.
    """

    columns: tuple[str, ...]
    comma_header: bool
    rows: tuple[str, ...]
    passed: tuple[str, ...] = ()
    end: str
    last: tuple[str, ...]
    count: str
    counted: tuple[str, ...]
    merchant: str
    day: str
    seal: Seal
    seal_last: SealLast
    adds_up: Callable[[list[Fields], Fields], bool]
    understand: Callable[[Fields, frozenset[Flaw]], Listed]
    reply_columns: tuple[str, ...] = ()
    reply_status: str = ""

    def header(self, columns: tuple[str, ...]) -> str:
        return ("," if self.comma_header else "|").join(columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A file as it was understood. `sums` are rows that only add up others."""

    layout: Layout
    listed: tuple[Listed, ...]
    sums: tuple[Fields, ...]
    last: Fields


def has_header(layout: Layout, content: bytes) -> bool:
    first = content[:_LINE_MAX].removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip()
    return first.lower() == layout.header(layout.columns).lower().encode()


def read(layout: Layout, content: bytes, merchant: str, day: date, secret: str, flaws: frozenset[Flaw]) -> Sheet:
    """Raises Unusable."""
    lines = _lines(content, flaws)
    if lines[0].lower() != layout.header(layout.columns).lower():
        if Flaw.DAY_HEADER_NOT_READ in flaws:
            return Sheet(layout=layout, listed=(), sums=(), last={})
        raise Unusable("other_layout", "the first line does not name this bank's columns")
    rows, last = _split(layout, lines[1:])
    _check_last(layout, rows, last, secret, flaws)
    if layout.merchant and last[layout.merchant] != merchant and Flaw.DAY_MERCHANT_NOT_COMPARED not in flaws:
        raise Unusable("other_merchant", f"the file is for {last[layout.merchant][:40]!r}")
    if layout.day and last[layout.day] != f"{day:%Y%m%d}":
        raise Unusable("other_day", f"the file is of the day {last[layout.day][:20]!r}")
    if not rows and Flaw.DAY_EMPTY_REFUSED in flaws:
        raise Unusable("incomplete", "the file has no rows")
    seal = layout.columns[-1]
    own = [each for each in rows if each[layout.columns[0]] not in layout.passed]
    listed = [_listed(layout, each, each[seal] == _sealed(layout, each, secret), flaws) for each in own]
    return Sheet(layout=layout, listed=tuple(listed), sums=tuple(_sums(layout, rows)), last=last)


def answer(sheet: Sheet, verdicts: list[tuple[Fields, Verdict]], secret: str) -> bytes:
    """The same rows with what was found, in the bank's order of columns; sums are agreed."""
    layout = sheet.layout
    told = [*verdicts, *((each, Verdict.AGREED) for each in sheet.sums)]
    lines, seals, counted = [layout.header(layout.reply_columns)], [], 0
    for fields, verdict in told:
        known = {**fields, layout.reply_status: verdict.value}
        values = {name: known.get(name, "") for name in layout.reply_columns[:-1]}
        seals.append(layout.seal(values, secret))
        counted += values[layout.columns[0]] in layout.counted
        lines.append("|".join((*values.values(), seals[-1])))
    last = {name: sheet.last.get(name, "") for name in layout.last[:-1]} | {layout.count: str(counted)}
    lines.append("|".join((*last.values(), layout.seal_last(last, seals, secret))))
    return ("\n".join(lines) + "\n").encode()


def _lines(content: bytes, flaws: frozenset[Flaw]) -> list[str]:
    if len(content) > SIZE_MAX:
        raise Unusable("too_large", f"the file has more than {SIZE_MAX} bytes")
    if Flaw.DAY_HOSTILE_BREAKS in flaws:
        return content.decode().removeprefix("\ufeff").replace("\r\n", "\n").removesuffix("\n").split("\n")
    try:
        text = content.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Unusable("no_text", "the file is no text in UTF-8") from error
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if "\x00" in text or len(lines) > _ROWS_MAX or max(map(len, lines)) > _LINE_MAX:
        raise Unusable("no_text", "the file has lines that no bank writes")
    return lines


def _split(layout: Layout, lines: list[str]) -> tuple[list[Fields], Fields]:
    """The rows and the last line. Raises Unusable."""
    rows: list[Fields] = []
    last: Fields = {}
    for number, line in enumerate(lines, 2):
        values = line.split("|")
        ends = values[0] == layout.end
        columns = layout.last if ends else layout.columns
        if last or len(values) != len(columns) or values[0] not in (*layout.rows, *layout.passed, layout.end):
            raise Unusable("other_layout", f"line {number} is none of this bank's")
        named = dict(zip(columns, values, strict=True))
        if ends:
            last = named
        else:
            rows.append(named)
    if not last:
        raise Unusable("incomplete", "the file has no last line")
    return rows, last


def _check_last(layout: Layout, rows: list[Fields], last: Fields, secret: str, flaws: frozenset[Flaw]) -> None:
    seals = [row[layout.columns[-1]] for row in rows]
    expected = layout.seal_last(_unsealed(last), seals, secret)
    if last[layout.last[-1]] != expected and Flaw.DAY_FOOTER_SEAL_UNCHECKED not in flaws:
        raise Unusable("bad_checksum", "the last line's checksum is wrong")
    counted = sum(row[layout.columns[0]] in layout.counted for row in rows)
    if last[layout.count] != str(counted) and Flaw.DAY_COUNT_UNCHECKED not in flaws:
        raise Unusable("bad_count", f"the last line tells of {last[layout.count][:20]!r} rows, there are {counted}")
    if not layout.adds_up(rows, last):
        raise Unusable("bad_total", "the sums that the file tells are not those of its rows")


def _listed(layout: Layout, row: Fields, is_sealed: bool, flaws: frozenset[Flaw]) -> Listed:
    found = layout.understand(row, flaws)
    if not is_sealed and Flaw.DAY_ROW_SEAL_UNCHECKED not in flaws:
        return replace(found, trouble="its checksum is wrong")
    return replace(found, trouble="its amount is none") if found.amount_vnd == NO_AMOUNT else found


def _sums(layout: Layout, rows: list[Fields]) -> list[Fields]:
    return [row for row in rows if row[layout.columns[0]] in layout.passed]


def _sealed(layout: Layout, row: Fields, secret: str) -> str:
    return layout.seal(_unsealed(row), secret)


def _unsealed(row: Fields) -> Fields:
    return dict(list(row.items())[:-1])
