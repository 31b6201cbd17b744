"""A text file of rows: names in the first line, values between '|', a checksum at the end of each row and of the last.

Rule: pure. Reading never raises: it says what is wrong, in which line and field.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from simulator.settlement.sheet import ERRORS_MAX, Sheet, Wrong, spoil

Fields = Mapping[str, str]

BOM = "\ufeff"
_UNSAFE = str.maketrans(dict.fromkeys("|\r\n\x00", " "))


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """One file's form. Of `columns` and of `footer` the last one is the checksum, the first one the type of the line.

    `rows` are the types of rows, `end` that of the footer, whose column `count` says how many rows of the types
    `counted` there are. `seal` and `seal_footer` make the checksums; the footer's may look at those of all rows.
    `newline_at_end` = the footer's line is ended, too. `seals_rows` = `seal_footer` does look at those of all rows:
    only then are they kept.
    """

    columns: tuple[str, ...]
    rows: tuple[str, ...]
    end: str
    footer: tuple[str, ...]
    count: str
    counted: tuple[str, ...]
    seal: Callable[[Fields, str], str]
    seal_footer: Callable[[Fields, Sequence[str], str], str]
    header: str
    newline_at_end: bool = True
    seals_rows: bool = False


class Row(msgspec.Struct, frozen=True):
    line: int
    fields: Fields


class Piped(msgspec.Struct, frozen=True, kw_only=True):
    """What was read. `footer` is None if there is none."""

    rows: tuple[Row, ...] = ()
    footer: Row | None = None
    errors: tuple[Wrong, ...] = ()


def cleaned(fields: Fields, columns: tuple[str, ...]) -> dict[str, str]:
    """The values as they are written: none breaks a row, and what is not named is empty."""
    return {name: fields.get(name, "").translate(_UNSAFE) for name in columns}


def write(layout: Layout, rows: Iterable[tuple[Fields, bool]], footer: Fields, sheet: Sheet) -> bytes:
    """The whole file, as `pieces` has it."""
    return b"".join(pieces(layout, rows, lambda: footer, sheet))


def pieces(
    layout: Layout, rows: Iterable[tuple[Fields, bool]], footer: Callable[[], Fields], sheet: Sheet
) -> Iterator[bytes]:
    """The file line by line. `rows` are (the values by name, whether its checksum is to be false); what is not named
    stays empty. `footer` is asked once all rows have gone through.
    """
    yield _encoded(layout.header)
    checksums, counted = [], 0
    for fields, is_spoilt in rows:
        clean = cleaned(fields, layout.columns[:-1])
        checksum = layout.seal(clean, sheet.secret)
        checksum = spoil(checksum) if is_spoilt else checksum
        if layout.seals_rows:
            checksums.append(checksum)
        counted += clean[layout.columns[0]] in layout.counted
        yield _encoded("\n", "|".join((*clean.values(), checksum)))
    told = {**footer(), layout.footer[0]: layout.end, layout.count: str(counted + sheet.spoilt.count_delta)}
    last = cleaned(told, layout.footer[:-1])
    checksum = layout.seal_footer(last, checksums, sheet.secret)
    end = "|".join((*last.values(), spoil(checksum) if sheet.spoilt.footer else checksum))
    yield _encoded("\n", end, "\n" if layout.newline_at_end else "")


def _encoded(*texts: str) -> bytes:
    return "".join(texts).encode("utf-8", "replace")


def read(layout: Layout, content: bytes, secret: str) -> Piped:
    try:
        text = content.decode().removeprefix(BOM)
    except UnicodeDecodeError as error:
        return Piped(errors=(Wrong(content.count(b"\n", 0, error.start) + 1, "", "is not UTF-8"),))
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    errors = (
        []
        if lines[0].lower() == layout.header.lower()
        else [Wrong(1, "", f"is not the header {layout.header[:40]}...")]
    )
    rows: list[Row] = []
    footer: Row | None = None
    for number, line in enumerate(lines[1:], 2):
        if footer is not None:
            errors.append(Wrong(number, "", "comes after the footer"))
            break
        if line.split("|", 1)[0] == layout.end:
            footer = _row(layout.footer, line, number, errors)
        elif (row := _row(layout.columns, line, number, errors)) is not None:
            rows.append(row)
            errors.extend(_row_errors(layout, row, secret))
        if len(errors) >= ERRORS_MAX:
            break
    errors.extend(_footer_errors(layout, rows, footer, len(lines), secret))
    return Piped(rows=tuple(rows), footer=footer, errors=tuple(errors[:ERRORS_MAX]))


def _row(columns: tuple[str, ...], line: str, number: int, errors: list[Wrong]) -> Row | None:
    values = line.split("|")
    if len(values) != len(columns):
        errors.append(Wrong(number, "", f"has {len(values)} columns, not {len(columns)}"))
        return None
    return Row(number, dict(zip(columns, values, strict=True)))


def _row_errors(layout: Layout, row: Row, secret: str) -> list[Wrong]:
    kind, seal = layout.columns[0], layout.columns[-1]
    errors = []
    if row.fields[kind] not in layout.rows:
        expected = " or ".join((*layout.rows, layout.end))
        errors.append(Wrong(row.line, kind, f"is {row.fields[kind][:20]!r}, not {expected}"))
    if row.fields[seal] != layout.seal(_unsealed(row, seal), secret):
        errors.append(Wrong(row.line, seal, "is not the checksum of this row"))
    return errors


def _footer_errors(layout: Layout, rows: list[Row], footer: Row | None, last: int, secret: str) -> list[Wrong]:
    if footer is None:
        return [Wrong(last, "", f"is not a footer of type {layout.end}")]
    seal, kind = layout.footer[-1], layout.columns[0]
    errors = []
    counted = sum(row.fields[kind] in layout.counted for row in rows)
    if footer.fields[layout.count] != str(counted):
        told = footer.fields[layout.count][:20]
        kinds = " or ".join(layout.counted)
        errors.append(Wrong(footer.line, layout.count, f"is {told!r}, there are {counted} rows of type {kinds}"))
    checksums = [row.fields[layout.columns[-1]] for row in rows]
    if footer.fields[seal] != layout.seal_footer(_unsealed(footer, seal), checksums, secret):
        errors.append(Wrong(footer.line, seal, "is not the checksum of the footer"))
    return errors


def _unsealed(row: Row, seal: str) -> Fields:
    return {name: value for name, value in row.fields.items() if name != seal}
