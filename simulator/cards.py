"""Card numbers: schemes, Luhn, the ECI, and masking for whatever is kept. Rule: pure."""

import base64
import binascii
import re
from enum import StrEnum


class CardScheme(StrEnum):
    NAPAS = "napas"
    VISA = "visa"
    MASTERCARD = "mastercard"
    JCB = "jcb"
    AMEX = "amex"
    UNIONPAY = "unionpay"


# vnpay-sandbox-cards: domestic cards begin with 9704 and have 16 or 19 digits. The international ranges are the
# schemes' own; 3337 is an old JCB range that sandboxes still use.
_RANGES = {
    CardScheme.NAPAS: r"9704(?:\d{12}|\d{15})",
    CardScheme.VISA: r"4(?:\d{15}|\d{18})",
    CardScheme.MASTERCARD: r"(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}",
    CardScheme.JCB: r"(?:33[34]\d|352[89]|35[3-8]\d)\d{12}",
    CardScheme.AMEX: r"3[47]\d{13}",
    CardScheme.UNIONPAY: r"62\d{14,17}",
}

_SCHEMES = {scheme: re.compile(form, re.ASCII) for scheme, form in _RANGES.items()}

# A number stands alone when no letter or digit touches it; an escape in a URL or in JSON ("%22", "\n") is no letter.
_ALONE = re.compile(
    rb"(?:(?<![0-9A-Za-z])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))(?=[2-69])(?:"
    + "|".join(_RANGES.values()).encode()
    + rb")(?![0-9A-Za-z])"
)

# Groups as people type them: four, six or eight digits first, then at least three each, parted by one or two blanks,
# dashes or dots; a blank may be escaped as forms do it. Searched in text where any digit is a 0 and any part
# is a blank: the four literal digits in front make it fast.
_PART = rb"(?:[ ]|%00|\xc2\xa0|%C0%A0){1,2}"
_GROUPED = re.compile(
    rb"0000(?:(?<![0A-Za-z%]0000)|(?<=%[0A-Fa-f]{2}0000)|(?<=\\[nrt]0000))(?<!0 0000)(?:0000|00)?(?:"
    + _PART
    + rb"0{3,}){1,3}(?:"
    + _PART
    + rb"0{1,3})?(?![0A-Za-z])(?! 0)"
)
_NO_DIGITS = re.compile(rb"%20|%C2%A0|[^0-9]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")

_PLAIN = bytes.maketrans(b"123456789+.-", b"000000000   ")
_BLANKS = b" +.-\xc2\xa0"
_SHORTEST = b"0" * 15
_LONGEST = 19

# 3-D Secure 2: Mastercard numbers the ECI its own way.
_ECI = {"Y": ("05", "02"), "A": ("06", "01"), "N": ("07", "00"), "U": ("07", "00"), "R": ("07", "00")}


def scheme_of(pan: str) -> CardScheme | None:
    """The scheme that a number of this form belongs to, whatever its check digit; None if to none."""
    return next((scheme for scheme, form in _SCHEMES.items() if form.fullmatch(pan)), None)


def luhn_holds(pan: str) -> bool:
    """True if the last digit is the check digit of the others; False for anything but digits."""
    if not (pan.isascii() and pan.isdigit()):
        return False
    digits = [int(digit) for digit in reversed(pan)]
    doubled = (2 * digit for digit in digits[1::2])
    return (sum(digits[::2]) + sum(twice - 9 if twice > 9 else twice for twice in doubled)) % 10 == 0


def masked(pan: str) -> str:
    """First six and last four digits: "970419*********2198"."""
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:] if len(pan) > 10 else "*" * len(pan)


def eci_of(pan: str, status: str) -> str:
    """The electronic commerce indicator that goes with a transaction status; "" for one that is not final ("C")."""
    others, mastercard = _ECI.get(status, ("", ""))
    return mastercard if scheme_of(pan) is CardScheme.MASTERCARD else others


def mask_pans(message: bytes) -> bytes:
    """The message with every card number that stands alone masked, and nothing else changed.

    A domestic number is masked whatever its check digit (published ones break Luhn's rule), an international one
    only if Luhn holds: order numbers of 16 digits are common. Numbers in groups keep their blanks and dashes.
    """
    squeezed = message.translate(_PLAIN, _BLANKS)
    if not (_SHORTEST in squeezed or b"0%00" in squeezed or b"0%C0%A0" in squeezed):
        return message
    message = _ALONE.sub(_masked_match, message)
    found = [match.span() for match in _GROUPED.finditer(message.translate(_PLAIN))]
    for start, end in found:
        message = message[:start] + _masked_groups(message[start:end]) + message[end:]
    return message


def mask_encoded(message: bytes) -> bytes:
    """As `mask_pans`, and numbers inside what is Base64 too: for what is kept of a refused request, where time is."""
    return _BASE64.sub(_masked_inside, mask_pans(message))


def _masked_match(match: re.Match[bytes]) -> bytes:
    pan = match[0].decode()
    if not pan.startswith("9704") and not luhn_holds(pan):
        return match[0]
    return masked(pan).encode()


def _masked_groups(text: bytes) -> bytes:
    pan = _NO_DIGITS.sub(b"", text).decode()
    if len(pan) > _LONGEST or scheme_of(pan) is None or not (pan.startswith("9704") or luhn_holds(pan)):
        return text
    kept = iter(masked(pan).encode())
    told, at = bytearray(), 0
    for part in _NO_DIGITS.finditer(text):
        told += bytes(next(kept) for _ in range(part.start() - at)) + part[0]
        at = part.end()
    return bytes(told) + bytes(kept)


def _masked_inside(match: re.Match[bytes]) -> bytes:
    try:
        inside = base64.b64decode(match[0], validate=True)
    except binascii.Error:
        return match[0]
    told = mask_pans(inside)
    return match[0] if told == inside else base64.b64encode(told)
