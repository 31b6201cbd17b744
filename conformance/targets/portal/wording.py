"""Texts made from data: what a bank may print, an amount in words, a name that does not give its owner away."""

import re
import unicodedata

_DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_BILLION = 1_000_000_000


def plain(text: str) -> str:
    """Letters, digits and single spaces only: "Lệ phí (hồ sơ) H49.12" becomes "Le phi ho so H49 12"."""
    # vnpay-pay-2-1-0#request: the order's text has no diacritics and no special characters.
    # NFKD takes the marks off their letters; đ is a letter of its own and has to be named.
    base = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(sign for sign in base if not unicodedata.combining(sign))
    return re.sub(r"[^A-Za-z0-9]+", " ", bare).strip()


def in_dong(amount_vnd: int) -> str:
    """ "1.200.000 đ" """
    return f"{amount_vnd:,}".replace(",", ".") + " đ"


def in_words(amount_vnd: int) -> str:
    """ "Một triệu hai trăm nghìn đồng": a receipt has its amount in words too."""
    # nd-254-2026#dieu-24: amount in digits and in words.
    text = _read(amount_vnd) if amount_vnd else _DIGITS[0]
    return f"{text[0].upper()}{text[1:]} đồng"


def masked_name(name: str) -> str:
    """ "Nguyễn *** Ánh": the family name and the given name of a name with more than one word, else one letter."""
    words = name.split()
    if len(words) < 2:
        return f"{name[:1]}***" if name else ""
    return f"{words[0]} *** {words[-1]}"


def masked_address(address: str) -> str:
    """ "***4567" for a telephone number, "n***@example.vn" for e-mail."""
    local, at, host = address.partition("@")
    return f"{local[:1]}***@{host}" if at else f"***{address[-4:]}"


def _read(number: int, leading: bool = False) -> str:
    """`leading` = more stands before, so that empty hundreds are spoken."""
    billions, rest = divmod(number, _BILLION)
    if billions:
        tail = f" {_read(rest, leading=True)}" if rest else ""
        return f"{_read(billions, leading)} tỷ{tail}"
    words: list[str] = []
    for size, name in ((1_000_000, "triệu"), (1_000, "nghìn"), (1, "")):
        group, rest = divmod(rest, size)
        if group:
            words.append(f"{_read_three(group, leading or bool(words))} {name}".strip())
    return " ".join(words)


def _read_three(number: int, leading: bool) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_DIGITS[hundreds]} trăm"] if hundreds or leading else []
    tens, units = divmod(rest, 10)
    if tens > 1:
        words.append(f"{_DIGITS[tens]} mươi")
    elif tens == 1:
        words.append("mười")
    elif units and words:
        words.append("linh")
    if units:
        words.append(_unit(units, tens))
    return " ".join(words)


def _unit(units: int, tens: int) -> str:
    if units == 1 and tens > 1:
        return "mốt"
    if units == 4 and tens > 1:
        return "tư"
    if units == 5 and tens:
        return "lăm"
    return _DIGITS[units]
