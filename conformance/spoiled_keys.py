"""What becomes of a key on its way into a configuration, and how each spoiled form is recognised. Pure."""

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import quote, unquote

HEX_KEYS = frozenset({"onepay", "onepay_domestic", "onepay_international"})
"""Banks whose key is bytes that are written in hex."""

RAW = "bytes:"
"""How the simulator is given a key that is no text: this, and its bytes in hex."""


def spoiled(bank: str, key: str) -> Iterator[tuple[str, str]]:
    """(a form of the bank's key, what it is) for every form that a connector may have instead; likelier ones first."""
    if "-----BEGIN" in key:
        return  # The other half is at the connector: no form of this one tells of it.
    forms = _hex(key) if bank in HEX_KEYS else _text(key)
    seen = {key}
    for form, what in forms:
        if form not in seen:
            seen.add(form)
            yield form, what


def _text(key: str) -> Iterator[tuple[str, str]]:
    yield f"{key}\n", "the key with a line break at its end, as a file or a copied line has it"
    yield f"{key}\r\n", "the key with a Windows line break at its end"
    yield key.strip(), "the key without the blanks or line breaks that the bank's contract has around it"
    yield f'"{key}"', "the key in double quotation marks: they are part of the .env file or of the YAML, not of the key"
    yield f"'{key}'", "the key in single quotation marks: they are part of the .env file or of the YAML, not of the key"
    yield key.strip("\"'"), "the key without the quotation marks that the bank's contract has around it"
    yield f"{key} ", "the key with a blank at its end"
    yield f" {key}", "the key with a blank before it"
    yield f"\ufeff{key}", "the key with a byte order mark before it, as Windows' editor writes it"
    yield key.lower(), "the key in lower case"
    yield key.upper(), "the key in upper case"
    yield base64.b64encode(key.encode()).decode(), "the key in base64: it is used as it stands"
    yield from _decoded(key)
    yield key.encode().hex(), "the key's letters in hex: it is used as it stands"
    yield quote(key, safe=""), "the key percent-encoded, as in a URL"
    yield unquote(key), "the key percent-decoded: it is used as it stands"
    yield key[:-1], "the key without its last character"
    yield key[1:], "the key without its first character"


def _decoded(key: str) -> Iterator[tuple[str, str]]:
    try:
        yield _as_secret(bytes.fromhex(key)), "the key decoded from hex: its letters are the key"
    except ValueError:
        """It is no hex, so nobody decodes it."""
    try:
        yield (
            _as_secret(base64.b64decode(key, validate=True)),
            "the key decoded from base64: its letters are the key",
        )
    except (binascii.Error, ValueError):
        """It is no base64."""


def _hex(key: str) -> Iterator[tuple[str, str]]:
    yield key.encode().hex(), "the key's hex digits as a text: they must be decoded to bytes first"
    yield f"{key}\n".encode().hex(), "the key's hex digits as a text with a line break: they must be decoded to bytes"
    yield (
        key.lower().encode().hex(),
        "the key's hex digits as a text in lower case: they must be decoded to bytes first",
    )
    yield base64.b64encode(bytes.fromhex(key)).hex(), "the key in base64: it must be used as bytes"
    yield key[:-2], "the key without its last two digits"


def _as_secret(key: bytes) -> str:
    try:
        text = key.decode("ascii")
    except UnicodeDecodeError:
        return RAW + key.hex()
    return text if text.isprintable() else RAW + key.hex()


def reads_no_pem(text: str) -> bool:
    """Whether what a connector wrote says that it could not read a key in PEM; the words are usual libraries'."""
    return any(each in text.lower() for each in _NO_PEM)


_NO_PEM = (
    "unable to load pem file",  # Python's cryptography
    "could not deserialize key data",
    "decoder routines::unsupported",  # OpenSSL: Node, PHP
    "no start line",
    "invalidkeyspecexception",  # Java
    "failed to parse pem",
    "no supported key formats were found",  # .NET
)
