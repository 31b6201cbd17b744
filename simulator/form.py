"""Form-encoded text as raw bytes: read strictly, written as each platform writes it, added to an address.

Rule: pure, and of no bank: which parameters are signed and how is said by the dialect.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

WHATWG = "*"
# vnpay-pay-2-1-0#encodings: which characters beside letters, digits and "_.-" each platform leaves as they are.
ENCODINGS = {
    "WHATWG form": WHATWG,
    "Python quote_plus": "~",
    "the official Node sample": "!'()*~",
    "PHP urlencode": "",
    ".NET WebUtility": "!()*",
}


_NEVER_ESCAPED = re.compile(r"[A-Za-z0-9_.\- ]*")


def pieces(raw: bytes) -> list[bytes]:
    """The `name=value` pieces as they came; empty ones ("a=1&&b=2") are no pieces."""
    return [piece for piece in raw.split(b"&") if piece]


def fields(given: list[bytes]) -> dict[str, str]:
    """The pieces decoded. Raises ValueError for what is not UTF-8 and for a name that stands twice."""
    found: dict[str, str] = {}
    text = b"&".join(given).replace(b"+", b" ").decode()
    for piece in text.split("&") if text else ():
        name, _, value = piece.partition("=")
        if "%" in piece:
            name, value = unquote(name, errors="strict"), unquote(value, errors="strict")
        if name in found:
            raise ValueError(f"{name} stands twice")
        found[name] = value
    return found


@lru_cache(maxsize=4096)
def escape(text: str, safe: str = WHATWG) -> str:
    """A name or value as one platform writes it: space as +, UTF-8, upper-case hex digits."""
    if _NEVER_ESCAPED.fullmatch(text):
        return text.replace(" ", "+")
    return quote_plus(text, safe=safe).replace("~", "~" if "~" in safe else "%7E")


def written(named: dict[str, str], safe: str = WHATWG) -> str:
    return "&".join(f"{escape(name, safe)}={escape(value, safe)}" for name, value in named.items())


def readings(given: list[bytes], unsigned: tuple[bytes, ...]) -> Iterator[tuple[bytes, str]]:
    """What a sender may have signed, each with a remark ("" = as documented), the bytes as they came first.

    The pieces are sorted by name; every reading is tried with and without empty values.
    """
    named = [(piece.partition(b"=")[0], piece) for piece in given]
    every = [piece for name, piece in sorted(named) if name not in unsigned]
    whole = b"&".join(every)
    yield whole, "spaces are sent as %20, documented is +" if b"%20" in whole else ""
    filled = [piece for piece in every if piece.partition(b"=")[2]]
    if filled != every:
        yield b"&".join(filled), "the signature leaves empty parameters out"
    for name, safe in ENCODINGS.items():
        yield written(fields(every), safe).encode(), f"the signature matches only in the encoding of {name}"
        if filled != every:
            remark = f"the signature matches only in the encoding of {name}, without empty parameters"
            yield written(fields(filled), safe).encode(), remark


def added(url: str, query: str) -> str:
    """The address with `query` behind its own parameters and before its fragment; all but ASCII is escaped."""
    page, mark, fragment = url.partition("#")
    joint = "" if page.endswith(("?", "&")) else "&" if "?" in page else "?"
    return re.sub(r"[^!-~]", lambda odd: quote(odd[0]), f"{page}{joint}{query}{mark}{fragment}")
