"""Card numbers: schemes, Luhn, and masking for whatever is kept. Rule: pure."""

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

_DIGITS_AS_ZERO = bytes.maketrans(b"123456789", b"000000000")
_SHORTEST = b"0" * 15


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


def mask_pans(message: bytes) -> bytes:
    """The message with every card number that stands alone masked, and nothing else changed.

    A domestic number is masked whatever its check digit (published ones break Luhn's rule), an international one
    only if Luhn holds: order numbers of 16 digits are common. Numbers split by blanks are left.
    """
    if _SHORTEST not in message.translate(_DIGITS_AS_ZERO):
        return message
    return _ALONE.sub(_masked_match, message)


def _masked_match(match: re.Match[bytes]) -> bytes:
    pan = match[0].decode()
    if not pan.startswith("9704") and not luhn_holds(pan):
        return match[0]
    return masked(pan).encode()
