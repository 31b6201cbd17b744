"""Signatures made and judged. Rule: compared in constant time, and never told to anyone who got one wrong."""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from conformance.targets.portal.defects import Flaw


def hmac_sha512(secret: str, text: str) -> str:
    """128 lower-case hex digits."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def hmac_sha256(secret: str, text: str) -> str:
    """64 lower-case hex digits."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def sha256(text: str) -> str:
    """64 lower-case hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_right(given: str, expected: str, flaws: frozenset[Flaw]) -> bool:
    """Whether hex digits, in either case, are the expected ones."""
    if Flaw.SIGNATURE_NOT_CHECKED in flaws:
        return True
    if Flaw.EMPTY_SIGNATURE_ACCEPTED in flaws and not given:
        return True
    if Flaw.PARTIAL_SIGNATURE_ACCEPTED in flaws and given and given in expected:
        return True
    if Flaw.LEADING_ZERO_DROPPED in flaws:
        expected = expected.lstrip("0")
    return hmac.compare_digest(given.lower().encode(), expected.lower().encode())


def outdated_mac(secret: str, text: str) -> str:
    """What the defect takes that still accepts the algorithm of an older version: HMAC-SHA256."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def rsa_sign(private_key_pem: str, text: str) -> str:
    """SHA256withRSA as base64 on one line."""
    signature = _private_key(private_key_pem).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.b64encode(signature).decode()


def rsa_is_right(public_key_pem: str, text: str, given: str, flaws: frozenset[Flaw]) -> bool:
    """False too for what is no base64."""
    if Flaw.SIGNATURE_NOT_CHECKED in flaws:
        return True
    if Flaw.EMPTY_SIGNATURE_ACCEPTED in flaws and not given:
        return True
    if Flaw.OTHER_ALGORITHM_ACCEPTED in flaws and _verifies(public_key_pem, text, given, hashes.SHA1()):
        return True
    return _verifies(public_key_pem, text, given, hashes.SHA256())


def _verifies(public_key_pem: str, text: str, given: str, algorithm: hashes.HashAlgorithm) -> bool:
    try:
        signature = base64.b64decode(given, validate=True)
        _public_key(public_key_pem).verify(signature, text.encode(), padding.PKCS1v15(), algorithm)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=8)
def _private_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the biller's private key is no RSA key")
    return key


@lru_cache(maxsize=8)
def _public_key(pem: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the bank's public key is no RSA key")
    return key
