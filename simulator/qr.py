"""EMVCo merchant-presented QR text, VietQR and VNPAY-QR: written, read and judged. Rule: pure, and strict.

Codes found in the wild have right checksums over wrong contents, so reading checks every length, limit and
mandatory object before it trusts a value (napas-qr-1.5.2, vietqr-2021).
"""

import binascii
import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

NAPAS_GUID = "A000000727"  # napas-qr-1.5.2#merchant-account: object 38
VNPAY_GUID = "A000000775"  # vietnam-qr-pay#vnpay: object 26

INSTANT_LIMIT_VND = 500_000_000
"""An instant transfer must stay below this (vietqr-2021#limit)."""

VND = "704"
CASH_MCC = "6011"

TO_ACCOUNT = "QRIBFTTA"
TO_CARD = "QRIBFTTC"
PUSH = "QRPUSH"
CASH = "QRCASH"
SERVICES = frozenset({TO_ACCOUNT, TO_CARD, PUSH, CASH})
TRANSFERS = frozenset({TO_ACCOUNT, TO_CARD})


class Scheme(StrEnum):
    VIETQR = "vietqr"
    VNPAY = "vnpay"


class QrReason(StrEnum):
    """Why a text is not a QR code of ours, in the order in which reading looks."""

    BAD_CHARACTER = "bad_character"
    BAD_LENGTH = "bad_length"
    WRONG_START = "wrong_start"
    REPEATED_OBJECT = "repeated_object"
    CRC_NOT_LAST = "crc_not_last"
    BAD_CRC = "bad_crc"
    MISSING_OBJECT = "missing_object"
    UNKNOWN_SCHEME = "unknown_scheme"
    BAD_VALUE = "bad_value"
    TOO_LONG = "too_long"
    BAD_AMOUNT = "bad_amount"
    ZERO_AMOUNT = "zero_amount"
    AMOUNT_ABOVE_LIMIT = "amount_above_limit"


class QrError(Exception):
    """The text cannot be read, or the values not written; `where` is the object ("62-08", "" = the whole)."""

    def __init__(self, reason: QrReason, where: str, detail: str) -> None:
        super().__init__(f"{reason} at {where}: {detail}" if where else f"{reason}: {detail}")
        self.reason = reason
        self.where = where
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """What a code says; empty text = the object is absent.

    `beneficiary` is the account, card or merchant number. `service` is as written: VietQR without one means
    QRPUSH. `dynamic` None = object 01 is absent. `further` are objects that are kept but not interpreted,
    `warnings` what is odd without being wrong enough to refuse.
    """

    scheme: Scheme
    beneficiary: str
    bank_bin: str = ""
    service: str = ""
    dynamic: bool | None = None
    amount_vnd: int | None = None
    category_code: str = ""
    merchant_name: str = ""
    city: str = ""
    postal_code: str = ""
    bill_number: str = ""
    mobile: str = ""
    store: str = ""
    loyalty: str = ""
    reference: str = ""
    customer: str = ""
    terminal: str = ""
    purpose: str = ""
    asks_consumer: str = ""
    further: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


# napas-qr-1.5.2#additional-data: sub-objects of 62 and where this module keeps them.
_ADDITIONAL = {
    "01": "bill_number",
    "02": "mobile",
    "03": "store",
    "04": "loyalty",
    "05": "reference",
    "06": "customer",
    "07": "terminal",
    "08": "purpose",
    "09": "asks_consumer",
}

# napas-qr-1.5.2#limits: most characters of an object.
_LIMITS = {"54": 13, "56": 13, "57": 5, "59": 25, "60": 15, "61": 10, "38-00": 32, "38-01-01": 19}
_LIMITS |= {f"62-{tag}": 25 for tag in _ADDITIONAL} | {"62-09": 3, "64-01": 25, "64-02": 15}

# napas-qr-1.5.2#presence: what each service may not lack.
_MANDATORY = {
    TO_ACCOUNT: ("01", "53", "58"),
    TO_CARD: ("01", "53", "58"),
    PUSH: ("52", "53", "58", "59", "60"),
    CASH: ("01", "52", "53", "58", "59", "60", "62"),
}

_FORMS = {
    "01": re.compile(r"1[12]"),
    "52": re.compile(r"[0-9]{4}"),
    "53": re.compile(VND),
    "55": re.compile(r"0[123]"),
    "57": re.compile(r"[0-9]{2}\.[0-9]{2}"),
    "58": re.compile(r"VN"),
    "38-01-00": re.compile(r"[0-9]{6}"),
    "38-01-01": re.compile(r"[!-~]+"),
    "62-09": re.compile(r"[AME]{1,3}"),
}

_AMOUNT = re.compile(r"([0-9]+)(\.[0-9]*)?")
_INTERPRETED = frozenset({"00", "01", "26", "38", "52", "53", "54", "58", "59", "60", "61", "62", "63"})

Objects = tuple[tuple[str, str], ...]


def crc(text: str) -> str:
    """CRC-16/CCITT-FALSE over UTF-8, as four upper-case hex digits; `text` ends with "6304"."""
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def plain(text: str, longest: int = 25) -> str:
    """At most that many letters as a code takes them, without diacritics: "Sở Y tế Đà Nẵng" -> "So Y te Da Nang"."""
    bare = unicodedata.normalize("NFKD", text.replace("Đ", "D").replace("đ", "d"))
    return re.sub(r"[^ -~]", "", bare).strip()[:longest].strip()


def vietqr(
    bank_bin: str,
    account: str,
    amount_vnd: int | None = None,
    *,
    purpose: str = "",
    bill_number: str = "",
    service: str = TO_ACCOUNT,
    dynamic: bool | None = None,
    category_code: str = "",
    merchant_name: str = "",
    city: str = "",
    store: str = "",
    reference: str = "",
    customer: str = "",
    terminal: str = "",
    further: Objects = (),
) -> str:
    """A VietQR code; without `dynamic` it is dynamic exactly when it names an amount.

    `service` "" leaves the service out, which means QRPUSH. Raises QrError for what the specification
    forbids.
    """
    return encode(
        QrCode(
            scheme=Scheme.VIETQR,
            bank_bin=bank_bin,
            beneficiary=account,
            service=service,
            dynamic=amount_vnd is not None if dynamic is None else dynamic,
            amount_vnd=amount_vnd,
            category_code=category_code,
            merchant_name=merchant_name,
            city=city,
            bill_number=bill_number,
            store=store,
            reference=reference,
            customer=customer,
            terminal=terminal,
            purpose=purpose,
            further=further,
        )
    )


def vnpay_qr(
    merchant_id: str,
    amount_vnd: int | None,
    bill_number: str,
    *,
    merchant_name: str,
    store: str = "",
    terminal: str = "",
    purpose: str = "",
    reference: str = "",
    dynamic: bool = False,
) -> str:
    """A VNPAY-QR code. Raises QrError.

    The codes seen say "static" even with an amount, so that is the default (vietnam-qr-pay#vnpay).
    """
    return encode(
        QrCode(
            scheme=Scheme.VNPAY,
            beneficiary=merchant_id,
            dynamic=dynamic,
            amount_vnd=amount_vnd,
            merchant_name=merchant_name,
            bill_number=bill_number,
            store=store,
            reference=reference,
            terminal=terminal,
            purpose=purpose,
        )
    )


def encode(code: QrCode) -> str:
    """The code as text, objects in ascending order; `parse` reads it back equal. Raises QrError."""
    body = "".join(_written(tag, value, tag) for tag, value in sorted(_objects_of(code)) if value) + "6304"
    _refuse_beyond_ascii(body)
    text = body + crc(body)
    read = parse(text)
    if read.service in TRANSFERS and (read.amount_vnd or 0) >= INSTANT_LIMIT_VND:
        raise QrError(QrReason.AMOUNT_ABOVE_LIMIT, "54", f"an instant transfer stays below {INSTANT_LIMIT_VND}")
    return text


def parse(text: str) -> QrCode:
    """What the code says. Raises QrError, naming the first thing that is wrong."""
    if not text.isprintable():
        raise QrError(QrReason.BAD_CHARACTER, "", "a code has no control characters")
    found = objects(text)
    _check_frame(text, found)
    values = dict(found)
    _check_values(values)
    account = _read_account(values)
    additional = _nested(values.get("62", ""), "62")
    _check_presence(values, additional, account)
    return replace(
        account,
        dynamic=values["01"] == "12" if "01" in values else None,
        amount_vnd=_read_amount(values["54"]) if "54" in values else None,
        category_code=values.get("52", ""),
        merchant_name=values.get("59", ""),
        city=values.get("60", ""),
        postal_code=values.get("61", ""),
        bill_number=additional.get("01", ""),
        mobile=additional.get("02", ""),
        store=additional.get("03", ""),
        loyalty=additional.get("04", ""),
        reference=additional.get("05", ""),
        customer=additional.get("06", ""),
        terminal=additional.get("07", ""),
        purpose=additional.get("08", ""),
        asks_consumer=additional.get("09", ""),
        further=tuple(each for each in found if each[0] not in _INTERPRETED)
        + tuple((f"62-{tag}", value) for tag, value in additional.items() if tag not in _ADDITIONAL),
        warnings=() if text.isascii() else ("letters outside ASCII: scanners count them differently",),
    )


def objects(text: str, where: str = "") -> Objects:
    """The (tag, value) pairs of a text; lengths count characters. Raises QrError if they do not fit."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        place = f"{where}-{tag}" if where else tag
        if not (len(length) == 2 and _digits(tag) and _digits(length)):
            raise QrError(QrReason.BAD_LENGTH, where, f"no tag and length at character {at}: {text[at : at + 4]!r}")
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) != int(length) or not value:
            raise QrError(QrReason.BAD_LENGTH, place, f"says {int(length)} characters, {len(value)} follow")
        found.append((tag, value))
        at += 4 + len(value)
    return tuple(found)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _check_frame(text: str, found: Objects) -> None:
    """Format indicator first, nothing twice, checksum last and right."""
    if found[:1] != (("00", "01"),):
        raise QrError(QrReason.WRONG_START, "00", "a code begins with 000201")
    _refuse_repeats(found, "")
    if found[-1][0] != "63" or len(found[-1][1]) != 4:
        raise QrError(QrReason.CRC_NOT_LAST, "63", "the last object is a checksum of four characters")
    given, computed = text[-4:], crc(text[:-4])
    if given != computed:
        raise QrError(QrReason.BAD_CRC, "63", f"says {given}, computed {computed}")


def _refuse_repeats(found: Objects, where: str) -> None:
    tags = [tag for tag, _ in found]
    repeated = next((tag for tag in tags if tags.count(tag) > 1), None)
    if repeated is not None:
        raise QrError(QrReason.REPEATED_OBJECT, f"{where}-{repeated}" if where else repeated, "stands twice")


def _nested(value: str, where: str) -> dict[str, str]:
    found = objects(value, where)
    _refuse_repeats(found, where)
    for tag, inner in found:
        _check_value(f"{where}-{tag}", inner)
    return dict(found)


def _check_values(values: dict[str, str]) -> None:
    for tag, value in values.items():
        _check_value(tag, value)
    if "64" in values:
        _nested(values["64"], "64")
    for tip, needed in (("02", "56"), ("03", "57")):
        if values.get("55") == tip and needed not in values:
            raise QrError(QrReason.MISSING_OBJECT, needed, f"object 55 = {tip} needs it")


def _check_value(place: str, value: str) -> None:
    limit = _LIMITS.get(place)
    if limit is not None and len(value) > limit:
        raise QrError(QrReason.TOO_LONG, place, f"{len(value)} characters, at most {limit}")
    form = _FORMS.get(place)
    if form is not None and form.fullmatch(value) is None:
        raise QrError(QrReason.BAD_VALUE, place, f"{value!r} is not allowed here")


def _read_amount(value: str) -> int:
    """Whole dong; "50000." is allowed, "50 000" and "50000.5" are not (napas-qr-1.5.2#amount)."""
    match = _AMOUNT.fullmatch(value)
    if match is None or not value.isascii():
        raise QrError(QrReason.BAD_AMOUNT, "54", f"{value!r} is not an amount")
    if match[2] not in (None, "."):
        raise QrError(QrReason.BAD_AMOUNT, "54", f"{value!r}: the dong has no decimals")
    if int(match[1]) == 0:
        raise QrError(QrReason.ZERO_AMOUNT, "54", "an amount may not be zero")
    return int(match[1])


def _read_account(values: dict[str, str]) -> QrCode:
    """Scheme, bank, beneficiary and service, from whichever of the two templates is there."""
    if "38" in values:
        return _read_napas(_nested(values["38"], "38"))
    if "26" in values:
        return _read_vnpay(_nested(values["26"], "26"))
    raise QrError(QrReason.UNKNOWN_SCHEME, "", "neither object 38 (NAPAS) nor 26 (VNPAY)")


def _read_napas(template: dict[str, str]) -> QrCode:
    if template.get("00") != NAPAS_GUID:
        raise QrError(QrReason.UNKNOWN_SCHEME, "38-00", f"{template.get('00', '')!r} is not {NAPAS_GUID}")
    beneficiary = _nested(_needed(template, "01", "38"), "38-01")
    service = template.get("02", "")
    if "02" in template and service not in SERVICES:
        raise QrError(QrReason.BAD_VALUE, "38-02", f"{service!r} is no service")
    return QrCode(
        scheme=Scheme.VIETQR,
        bank_bin=_needed(beneficiary, "00", "38-01"),
        beneficiary=_needed(beneficiary, "01", "38-01"),
        service=service,
    )


def _read_vnpay(template: dict[str, str]) -> QrCode:
    if template.get("00") != VNPAY_GUID:
        raise QrError(QrReason.UNKNOWN_SCHEME, "26-00", f"{template.get('00', '')!r} is not {VNPAY_GUID}")
    return QrCode(scheme=Scheme.VNPAY, beneficiary=_needed(template, "01", "26"))


def _needed(values: dict[str, str], tag: str, where: str) -> str:
    if tag not in values:
        raise QrError(QrReason.MISSING_OBJECT, f"{where}-{tag}", "is mandatory")
    return values[tag]


def _check_presence(values: dict[str, str], additional: dict[str, str], account: QrCode) -> None:
    if account.scheme is Scheme.VNPAY:
        wanted: tuple[str, ...] = ("53", "58", "59")
    else:
        wanted = _MANDATORY[account.service or PUSH]
    missing = next((tag for tag in wanted if tag not in values), None)
    if missing is not None:
        raise QrError(QrReason.MISSING_OBJECT, missing, "is mandatory for this service")
    if account.service == CASH:
        _check_cash(values, additional)


def _check_cash(values: dict[str, str], additional: dict[str, str]) -> None:
    if values["52"] != CASH_MCC:
        raise QrError(QrReason.BAD_VALUE, "52", f"cash is category {CASH_MCC}")
    for tag in ("05", "07"):
        _needed(additional, tag, "62")


def _objects_of(code: QrCode) -> list[tuple[str, str]]:
    additional = sorted(
        [(tag, getattr(code, name)) for tag, name in _ADDITIONAL.items()]
        + [(place[3:], value) for place, value in code.further if place.startswith("62-")]
    )
    return [
        ("00", "01"),
        ("01", "" if code.dynamic is None else "12" if code.dynamic else "11"),
        _account_of(code),
        ("52", code.category_code),
        ("53", VND),
        ("54", "" if code.amount_vnd is None else str(code.amount_vnd)),
        ("58", "VN"),
        ("59", code.merchant_name),
        ("60", code.city),
        ("61", code.postal_code),
        ("62", "".join(_written(tag, value, f"62-{tag}") for tag, value in additional if value)),
        *((place, value) for place, value in code.further if not place.startswith("62-")),
    ]


def _account_of(code: QrCode) -> tuple[str, str]:
    if code.scheme is Scheme.VNPAY:
        return "26", _written("00", VNPAY_GUID, "26-00") + _written("01", code.beneficiary, "26-01")
    beneficiary = _written("00", code.bank_bin, "38-01-00") + _written("01", code.beneficiary, "38-01-01")
    service = _written("02", code.service, "38-02") if code.service else ""
    return "38", _written("00", NAPAS_GUID, "38-00") + _written("01", beneficiary, "38-01") + service


def _written(tag: str, value: str, place: str) -> str:
    if not value:
        raise QrError(QrReason.MISSING_OBJECT, place, "may not be empty")
    if len(value) > 99:
        raise QrError(QrReason.TOO_LONG, place, f"{len(value)} characters, at most 99")
    return f"{tag}{len(value):02d}{value}"


def _refuse_beyond_ascii(text: str) -> None:
    """These objects take plain letters; scanners disagree about a code written with others."""
    if not text.isascii() or not text.isprintable():
        raise QrError(QrReason.BAD_CHARACTER, "", "write Vietnamese without diacritics in a QR code")
