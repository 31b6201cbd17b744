"""The MAC, digest and RSA schemes that banks share. Signatures are compared in constant time, never with `==`."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

_OTHERWISE: ContextVar[bool] = ContextVar("otherwise", default=False)

RAW = "bytes:"
"""Before hex digits: an HMAC's secret that is no text, such as a key which a connector decoded though it must not."""


@contextmanager
def by_another_algorithm() -> Iterator[None]:
    """Within it the right key signs the right text by a wrong algorithm, whose signature is as long as the right one.

    An HMAC becomes the plain digest of secret and message, SHA-256 of a message with its secret SHA3-256, MD5 of one
    the first half of its SHA-256; RSA takes SHA-1 for SHA-256 and the reverse. It holds for the caller alone.
    """
    before = _OTHERWISE.set(True)
    try:
        yield
    finally:
        _OTHERWISE.reset(before)


def key_bytes(secret: str) -> bytes:
    """A secret's own bytes: those of its letters, or those that are given in hex after RAW."""
    if secret.startswith(RAW):
        try:
            return bytes.fromhex(secret.removeprefix(RAW))
        except ValueError:
            """Somebody's secret just begins so."""
    return secret.encode()


def hmac_sha512_hex(secret: str, message: bytes) -> str:
    """128 lower-case hex digits."""
    if _OTHERWISE.get():
        return hashlib.sha512(key_bytes(secret) + message).hexdigest()
    # A copy of the keyed HMAC: the two blocks of the key are hashed once for all messages.
    keyed = _keyed(secret).copy()
    keyed.update(message)
    return keyed.hexdigest()


def hmac_sha256_hex(secret: str | bytes, message: bytes) -> str:
    """64 lower-case hex digits."""
    key = key_bytes(secret) if isinstance(secret, str) else secret
    if _OTHERWISE.get():
        return hashlib.sha256(key + message).hexdigest()
    return hmac.new(key, message, "sha256").hexdigest()


def hmac_sha1(secret: str, message: bytes) -> bytes:
    """20 bytes, which one bank writes as hex digits and another in base64."""
    if _OTHERWISE.get():
        return hashlib.sha1(key_bytes(secret) + message, usedforsecurity=False).digest()
    return hmac.new(key_bytes(secret), message, "sha1").digest()


def md5_hex(message: bytes) -> str:
    """32 lower-case hex digits: no safe digest, but what some banks sign with, their secret inside the message."""
    if _OTHERWISE.get():
        return hashlib.sha256(message).hexdigest()[:32]
    return hashlib.md5(message, usedforsecurity=False).hexdigest()


def secret_sha256_hex(message: bytes) -> str:
    """64 lower-case hex digits, as a signature: the message holds the secret itself."""
    return (hashlib.sha3_256 if _OTHERWISE.get() else hashlib.sha256)(message).hexdigest()


def sha256_hex(message: bytes) -> str:
    """64 lower-case hex digits, as a number made from a text; it signs nothing."""
    return hashlib.sha256(message).hexdigest()


def same(given: str, expected: str) -> bool:
    """Equal to the letter, in constant time; safe for any text a caller sends."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())


def rsa_sha256_sign(private_key_pem: str, message: bytes) -> str:
    """SHA256withRSA (PKCS#1 v1.5), base64 on one line."""
    return _rsa_sign(private_key_pem, message, hashes.SHA1() if _OTHERWISE.get() else hashes.SHA256())


def rsa_sha256_verify(public_key_pem: str, message: bytes, signature: str) -> bool:
    """False for a wrong signature and for text that is no base64; ValueError only for a wrong key of our own."""
    return _rsa_verify(public_key_pem, message, signature, hashes.SHA256())


def rsa_sha1_sign(private_key_pem: str, message: bytes) -> str:
    """SHA1withRSA (PKCS#1 v1.5), base64 on one line: weak, and still what older interfaces of banks speak."""
    return _rsa_sign(private_key_pem, message, hashes.SHA256() if _OTHERWISE.get() else hashes.SHA1())


def rsa_sha1_verify(public_key_pem: str, message: bytes, signature: str) -> bool:
    """As `rsa_sha256_verify`."""
    return _rsa_verify(public_key_pem, message, signature, hashes.SHA1())


def _rsa_sign(private_key_pem: str, message: bytes, digest: hashes.HashAlgorithm) -> str:
    return base64.b64encode(_private_key(private_key_pem).sign(message, padding.PKCS1v15(), digest)).decode()


def _rsa_verify(public_key_pem: str, message: bytes, signature: str, digest: hashes.HashAlgorithm) -> bool:
    key = _public_key(public_key_pem)
    try:
        key.verify(base64.b64decode(signature.encode("ascii"), validate=True), message, padding.PKCS1v15(), digest)
    except (InvalidSignature, UnicodeEncodeError, ValueError):
        return False
    return True


def rsa_decrypted(private_key_pem: str, ciphertext: str) -> bytes:
    """What a partner encrypted with the other half of the key (PKCS#1 v1.5, base64). Raises ValueError if nothing."""
    key = _private_key(private_key_pem)
    return key.decrypt(base64.b64decode(ciphertext.encode("ascii"), validate=True), padding.PKCS1v15())


def aes_cbc_encrypted(key: bytes, vector: bytes, plaintext: bytes) -> str:
    """AES in CBC with PKCS#7 padding, base64 on one line."""
    pad = block_padding.PKCS7(128).padder()
    seal = Cipher(AES(key), CBC(vector)).encryptor()
    return base64.b64encode(seal.update(pad.update(plaintext) + pad.finalize()) + seal.finalize()).decode()


def aes_cbc_decrypted(key: bytes, vector: bytes, ciphertext: str) -> bytes:
    """The reverse. Raises ValueError for what is no base64, no whole blocks or wrongly padded."""
    opened = Cipher(AES(key), CBC(vector)).decryptor()
    padded = opened.update(base64.b64decode(ciphertext.encode("ascii"), validate=True)) + opened.finalize()
    pad = block_padding.PKCS7(128).unpadder()
    return pad.update(padded) + pad.finalize()


def check_rsa_key(pem: str) -> None:
    """Raises ValueError unless it is an RSA key, private or public, in PEM and without a password."""
    try:
        if "PRIVATE KEY" in pem:
            _private_key(pem)
        else:
            _public_key(pem)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error


@lru_cache(maxsize=256)
def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(key_bytes(secret), digestmod="sha512")


@lru_cache(maxsize=256)
def _private_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the private key is not an RSA key")
    return key


@lru_cache(maxsize=256)
def _public_key(pem: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the public key is not an RSA key")
    return key
