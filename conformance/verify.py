"""`banksim verify`: whether a results.json is the one that was signed, and by whose key; and `--make-key`.

Rule: the signature covers the bytes of the file as they are, and stands beside it.
"""

import argparse
import base64
import hashlib
import os
import sys
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from conformance.results import Results, decode, judge
from conformance.wording import JUDGEMENTS

SUMMARY = "tell whether a results.json is unchanged since it was signed, and by which key"
ENVIRONMENT = "BANKSIM_SIGNING_KEY"
SUFFIX = ".sig"


class BadKey(Exception):
    """A file that holds no Ed25519 key of the wanted kind; the sentence names it."""


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in results.json.sig. `public_key` is the raw 32 bytes in base64, `signature` the 64."""

    algorithm: str = "Ed25519"
    public_key: str
    signature: str


def sign(path: Path, key_file: Path) -> Path:
    """Signs the file; where the signature went. Raises BadKey."""
    key = _private_key(key_file)
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    made = Signature(
        public_key=base64.b64encode(public).decode(), signature=base64.b64encode(key.sign(path.read_bytes())).decode()
    )
    beside = path.with_name(path.name + SUFFIX)
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    return beside


def fingerprint(public: bytes) -> str:
    """The first 16 hex digits of the key's SHA-256, in fours: what people read to one another."""
    digits = hashlib.sha256(public).hexdigest()[:16]
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, nargs="?", default=Path("reports/results.json"), metavar="results.json")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the public key (PEM) that must have signed it")
    parser.add_argument("--make-key", type=Path, metavar="FILE", help="make a key pair: FILE and FILE.pub")


def run(args: argparse.Namespace) -> int:
    """0 = signed and unchanged (and by that key, if one is given), 1 = not, 2 = it cannot be told."""
    try:
        return _make_key(args.make_key) if args.make_key else _verify(args.results, args.key)
    except (OSError, BadKey, msgspec.MsgspecError) as error:
        print(f"banksim verify: {error}", file=sys.stderr)
        return 2


def _verify(path: Path, key_file: Path | None) -> int:
    raw = path.read_bytes()
    made = msgspec.json.decode(path.with_name(path.name + SUFFIX).read_bytes(), type=Signature)
    public, signature = _decoded(made.public_key), _decoded(made.signature)
    if key_file is not None and _raw(_public_key(key_file)) != public:
        print(f"NOT VERIFIED: {path} was signed by another key ({fingerprint(public)}) than {key_file}")
        return 1
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, raw)
    except (InvalidSignature, ValueError):
        print(f"NOT VERIFIED: {path} is not what was signed")
        return 1
    print(f"VERIFIED: {path} is what was signed by the key {fingerprint(public)}")
    print(f"   {_told(decode(raw))}")
    if key_file is None:
        print("   Whose key that is, only its owner can tell: compare the number, or give --key FILE.")
    return 0


def _told(results: Results) -> str:
    return f"{JUDGEMENTS[judge(results)][1]}: {results.target.name}, {results.started_at}, seed {results.seed}"


def _make_key(path: Path) -> int:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    # Nobody else may read it from the moment it exists, and an existing key is never written over.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    path.with_name(path.name + ".pub").write_bytes(public)
    print(f"{path} signs (keep it secret): banksim check --sign-with {path}, or {ENVIRONMENT}={path}")
    print(f"{path}.pub verifies (hand it out): banksim verify --key {path}.pub; it reads {fingerprint(_raw(key))}")
    return 0


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} holds no private key without a password ({error})") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} holds no Ed25519 key; `banksim verify --make-key FILE` makes one")
    return key


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} holds no public key ({error})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path} holds no Ed25519 key")
    return key


def _raw(key: Ed25519PublicKey | Ed25519PrivateKey) -> bytes:
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _decoded(text: str) -> bytes:
    """What is no base64 verifies nothing."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
