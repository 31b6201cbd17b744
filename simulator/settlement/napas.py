"""NAPAS's day: TC lists what succeeded, the member answers with SL (what differs), NAPAS ends it with XL.

Rule: pure. Lines of tagged fields of fixed width, each padded on its left; a checksum ends every row and the last line.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import md5
from itertools import pairwise

import msgspec

from simulator.cards import masked
from simulator.clock import VIETNAM
from simulator.settlement.day import Kind, Line
from simulator.settlement.sheet import ERRORS_MAX, DayFile, DoesNotFit, Reply, Said, Sheet, Spoilt, Wrong, spoil

Fields = Mapping[str, str]

# napas-settlement#rrc: agreed; succeeded at NAPAS alone; succeeded at the member alone.
AGREED, NAPAS_ONLY, MEMBER_ONLY = "0000", "0115", "0117"
CODES = (AGREED, "0114", NAPAS_ONLY, MEMBER_ONLY)

# napas-settlement#row: tag, width, what fills it up on the left.
ROW = (
    *(("MTI", 4, "0"), ("F2", 19, " "), ("F3", 6, "0"), ("SVC", 10, " "), ("TCC", 2, "0"), ("F4", 12, "0")),
    *(("RTA", 12, "0"), ("F49", 3, "0"), ("F5", 12, "0"), ("F50", 3, "0"), ("F9", 8, "0"), ("F6", 12, "0")),
    *(("RCA", 12, "0"), ("F51", 3, "0"), ("F10", 8, "0"), ("F11", 6, "0"), ("F12", 6, "0"), ("F13", 4, "0")),
    *(("F15", 4, "0"), ("F18", 4, "0"), ("F22", 3, "0"), ("F25", 2, "0"), ("F41", 8, "0"), ("ACQ", 8, " ")),
    *(("ISS", 8, " "), ("MID", 15, " "), ("BNB", 8, " "), ("F102", 28, " "), ("F103", 28, " ")),
    *(("SVFISSNP", 12, "0"), ("IRFISSACQ", 12, "0"), ("IRFISSBNB", 12, "0"), ("SVFACQNP", 12, "0")),
    *(("IRFACQISS", 12, "0"), ("IRFACQBNB", 12, "0"), ("SVFBNBNP", 12, "0"), ("IRFBNBISS", 12, "0")),
    *(("IRFBNBACQ", 12, "0"), ("F37", 12, " "), ("F38", 6, " "), ("TRN", 16, " "), ("RRC", 4, "0")),
    *(("RSV1", 100, " "), ("RSV2", 100, " "), ("RSV3", 100, " ")),
)
INTERCHANGE = frozenset(tag for tag, _, _ in ROW if tag.startswith(("SVF", "IRF")))
"""onefin-settle#napas: a member's SL leaves the fees out."""
HEADER = (("REV", 8, " "), ("DATE", 8, "0"))
TRAILER = (("NOT", 9, "0"), ("CRE", 20, " "), ("TIME", 6, "0"), ("DATE", 8, "0"))
SEAL_WIDTH = 32

Part = tuple[tuple[str, int, str], ...]


def checksum(content: str, member: str) -> str:
    """napas-settlement#checksum: slices of an MD5, chosen by the digits of the member's code, hashed again.

    `member` is six digits. No secret is in it: whoever knows the member can make it.
    """
    digest, key = _md5(content), f"5{member}5"
    slices = (digest[int(one) : int(one) + 20 - int(two)] for one, two in pairwise(key))
    return _md5("".join(slices))


def _md5(text: str) -> str:
    return md5(text.encode("utf-8", "replace")).hexdigest()


def name(sheet: Sheet) -> str:
    return _name(sheet, "TC")


def reply_name(sheet: Sheet) -> str:
    return _name(sheet, "SL")


def _name(sheet: Sheet, kind: str) -> str:
    """onefin-settle#napas: the date is that of the sending, the day after the money's. Not encrypted, so no .pgp."""
    alias = sheet.option("member_name", sheet.merchant.merchant_code)
    return f"{sheet.day.ready_at:%m%d%y}_ACQ_{alias}_{member_of(sheet)}_1_{kind}_ECOM.dat"


def member_of(sheet: Sheet) -> str:
    member = sheet.option("member_code", "971000")
    return member if re.fullmatch(r"[0-9]{6}", member, re.ASCII) else "971000"


def takes(line: Line) -> bool:
    """TC lists what succeeded: what was taken back within the day did not."""
    return line.kind is not Kind.CANCELLED


def fields_of(line: Line, sheet: Sheet) -> Fields:
    payment, order, local = line.payment, line.payment.order, line.at.astimezone(VIETNAM)
    amount = str(line.amount_vnd * 100)
    card = masked(payment.payer_account) if payment.payer_account.isdigit() else payment.payer_account
    ref = line.refund.bank_ref if line.refund else payment.bank_ref
    return {
        "MTI": "0210",
        "F2": re.sub(r"[^0-9]", "_", card)[:19],
        "F3": "000000" if line.kind is Kind.SALE else "200000",
        "SVC": sheet.option("service_code", "EC_CASHIN"),
        "TCC": "04",
        **dict.fromkeys(("F4", "RTA", "F5"), amount),
        **dict.fromkeys(("F49", "F50", "F51"), "704"),
        "F9": "00000001",
        "F11": ref[-6:] if ref[-6:].isdigit() else "",
        "F12": f"{local:%H%M%S}",
        "F13": f"{local:%m%d}",
        "F15": f"{sheet.day.business_date:%m%d}",
        "F18": "7399",
        "F25": "08",
        "F41": sheet.option("terminal_id", "00000001"),
        "ACQ": member_of(sheet),
        "ISS": card[:6] if card[:6].isdigit() else "",
        "MID": sheet.merchant.merchant_code,
        "F37": ref,
        "F38": payment.bank_ref[-6:],
        "TRN": payment.payment_id[:16],
        "RRC": AGREED,
        # onefin-settle#napas: the order stands in characters 28 to 68, after the date in 20 to 28.
        "RSV1": f"{'':20}{local:%d%m%Y}{order.order_ref[:40]:>40}{'':32}",
    }


def _line(kind: str, part: Part, fields: Fields) -> str:
    return kind + "".join(f"[{tag}]{value}" for tag, value in fitted(fields, part).items())


def fitted(fields: Fields, part: Part = ROW) -> dict[str, str]:
    """The values as they are written. Raises DoesNotFit."""
    return {tag: _fitted(tag, fields.get(tag, ""), width, fill) for tag, width, fill in part}


def _fitted(tag: str, text: str, width: int, fill: str) -> str:
    """A text that is too long keeps its end. Raises DoesNotFit for a number."""
    if fill == "0" and len(text) > width:
        raise DoesNotFit(f"{tag} has {width} digits, and {text} needs {len(text)}")
    plain = re.sub(r"[^\x20-\x7e]|[\[\]]", "?", text)
    return plain[-width:].rjust(width, fill)


def row(fields: Fields, member: str, *, is_spoilt: bool = False) -> str:
    content = _line("DR", ROW, fields) + "[CSR]"
    seal = checksum(content, member)
    return content + (spoil(seal) if is_spoilt else seal)


def pieces(sheet: Sheet, lines: Iterable[Line]) -> Iterator[bytes]:
    member = member_of(sheet)
    rows = (row(fields_of(line, sheet), member, is_spoilt=sheet.is_spoilt(line)) for line in lines)
    return _whole(rows, sheet)


def _whole(rows: Iterable[str], sheet: Sheet) -> Iterator[bytes]:
    member, made_at = member_of(sheet), sheet.day.ready_at
    yield _line("HR", HEADER, {"REV": member, "DATE": f"{sheet.day.business_date:%d%m%Y}"}).encode()
    count = 0
    for each in rows:
        count += 1
        yield f"\n{each}".encode()
    last = {
        "NOT": str(count + sheet.spoilt.count_delta),
        "CRE": sheet.option("user_id", "BANKSIM"),
        "TIME": f"{made_at:%H%M%S}",
        "DATE": f"{made_at:%d%m%Y}",
    }
    content = _line("TR", TRAILER, last) + "[CSF]"
    # napas-settlement#checksum: a published file's last checksum covers the last line alone.
    seal = checksum(content, member)
    yield f"\n{content}{spoil(seal) if sheet.spoilt.footer else seal}".encode()


def read(content: bytes, sheet: Sheet) -> Reply:
    """The member's SL, and NAPAS's XL: a claim that its books confirm keeps its code, another one becomes 0000."""
    member = member_of(sheet)
    rows, errors = _understood(content, member)
    own = {_key(fields): fields for line in sheet.lines for fields in [fitted(fields_of(line, sheet))]}
    said, answer = [], []
    for number, fields in rows:
        code, key = fields["RRC"], _key(fields)
        if code not in CODES:
            errors.append(Wrong(number, "RRC", f"is {code!r}, not one of {', '.join(CODES)}"))
        has = key in own and int(own[key]["F4"]) == int(fields["F4"])
        confirmed = has if code == NAPAS_ONLY else not has
        answer.append(row({**fields, "RRC": code if confirmed else AGREED}, member))
        amount_vnd, rest = divmod(int(fields["F4"]), 100)
        if rest:
            errors.append(Wrong(number, "F4", "is no whole number of dong"))
        said.append(Said(line=number, key=key.strip(), status=code, amount_vnd=amount_vnd))
    sound = msgspec.structs.replace(sheet, spoilt=Spoilt())
    return Reply(
        rows=tuple(said),
        errors=tuple(errors[:ERRORS_MAX]),
        answer_name=_name(sheet, "XL"),
        answer=b"".join(_whole(answer, sound)),
    )


def _key(fields: Fields) -> str:
    """onefin-settle#napas: the order; a refund's row is told apart by its processing code."""
    refunded = "" if fields["F3"] == "000000" else f"/{fields['F3']}/{fields['F37'].strip()}"
    return fields["RSV1"][28:68].strip() + refunded


def _understood(content: bytes, member: str) -> tuple[list[tuple[int, Fields]], list[Wrong]]:
    """The rows with the numbers of their lines, and what is wrong."""
    lines = content.decode("ascii", "replace").replace("\r\n", "\n").removesuffix("\n").split("\n")
    errors: list[Wrong] = []
    if _parsed("HR", HEADER, lines[0]) is None:
        errors.append(Wrong(1, "", "is not a header HR[REV]...[DATE]..."))
    rows: list[tuple[int, Fields]] = []
    for number, line in enumerate(lines[1:-1], 2):
        fields = _row_of(line, member, number, errors)
        if fields is not None:
            rows.append((number, fields))
        if len(errors) >= ERRORS_MAX:
            break
    errors.extend(_trailer_errors(lines[-1], len(lines), len(lines) - 2, member))
    return rows, errors


def _row_of(line: str, member: str, number: int, errors: list[Wrong]) -> Fields | None:
    content, mark, seal = line.partition("[CSR]")
    short = tuple(each for each in ROW if each[0] not in INTERCHANGE)
    fields = _parsed("DR", ROW, content) or _parsed("DR", short, content)
    if fields is None or not mark:
        errors.append(Wrong(number, _first_wrong(content), "is not of the width, or in the place, that it must have"))
        return None
    if seal != checksum(content + mark, member):
        errors.append(Wrong(number, "CSR", "is not the checksum of this row"))
    if not (fields["F4"].isascii() and fields["F4"].isdigit()):
        errors.append(Wrong(number, "F4", "is not a number"))
        return None
    return fields


def _trailer_errors(line: str, number: int, count: int, member: str) -> list[Wrong]:
    content, mark, seal = line.partition("[CSF]")
    fields = _parsed("TR", TRAILER, content)
    if fields is None or not mark or number < 2:
        return [Wrong(number, "", "is not a trailer TR[NOT]...[CSF]...")]
    errors = []
    if fields["NOT"] != f"{count:09}":
        errors.append(Wrong(number, "NOT", f"is {fields['NOT']}, there are {count} rows"))
    if seal != checksum(content + mark, member):
        errors.append(Wrong(number, "CSF", "is not the checksum of this line"))
    return errors


def _parsed(kind: str, part: Part, line: str) -> Fields | None:
    pattern = kind + "".join(rf"\[{tag}\](?P<{tag}>[^\[\]]{{{width}}})" for tag, width, _ in part)
    found = re.fullmatch(pattern, line)
    return found.groupdict() if found else None


def _first_wrong(content: str) -> str:
    """The first tag that is not in its place, "" if the line is of another kind."""
    at = 2
    for tag, width, _ in ROW:
        if not content.startswith(f"[{tag}]", at):
            return tag if content.startswith("DR") else ""
        at += len(tag) + 2 + width
    return ROW[-1][0]


FILE = DayFile(
    kind="tc",
    title="what succeeded (TC); the member answers with what differs (SL), NAPAS with what it decides (XL)",
    cut_off="23:00",  # napas-settlement#day: from 23:00 of the day before
    folder="ECOM/Inbox",  # onefin-settle#folders
    name=name,
    pieces=pieces,
    takes=takes,
    read=read,
    reply_name=reply_name,
    reply_folder="ECOM/Outbox",
    answer_folder="ECOM/Inbox",
)
