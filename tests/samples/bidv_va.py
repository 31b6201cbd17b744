"""BIDV virtual accounts: a merchant's registration, encrypted and signed by code of the tests' own."""

import base64
import hmac
import json
from datetime import datetime
from functools import cache

from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from simulator.clock import compact
from simulator.merchants import default_merchants
from simulator.wire import Request
from tests.samples.bidv import answer
from tests.samples.sample import JSON_HEADERS, Sample

__all__ = ["SAMPLE", "answer"]

SHARED_KEY = bytes(range(32))
CONTENT_KEY, IV = bytes(range(100, 132)), bytes(range(16))
WRAPPED = {"alg": "A256KW", "enc": "A128CBC-HS256"}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwe(plaintext: bytes, header: dict[str, str] | None = None) -> dict[str, object]:
    """RFC 7518, 4.4 and 5.2.3; the content key and the vector stand still, so that it can be written down."""
    protected = _base64url(json.dumps(header or WRAPPED, separators=(",", ":")).encode())
    pad = padding.PKCS7(128).padder()
    seal = Cipher(AES(CONTENT_KEY[16:]), CBC(IV)).encryptor()
    ciphertext = seal.update(pad.update(plaintext) + pad.finalize()) + seal.finalize()
    bits = (len(protected) * 8).to_bytes(8, "big")
    tag = hmac.digest(CONTENT_KEY[:16], protected.encode() + IV + ciphertext + bits, "sha256")[:16]
    wrapped = _base64url(aes_key_wrap(SHARED_KEY, CONTENT_KEY))
    return {
        "recipients": [{"header": {}, "encrypted_key": wrapped}],
        "protected": protected,
        "ciphertext": _base64url(ciphertext),
        "iv": _base64url(IV),
        "tag": _base64url(tag),
    }


def jws(payload: bytes, key_name: str = "merchant_private_key", bank: str = "bidv_va") -> str:
    text = ".".join((_base64url(b'{"alg":"RS256"}'), _base64url(payload)))
    signature = _key(bank, key_name).sign(text.encode(), rsa_padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{_base64url(signature)}"


@cache
def _key(bank: str, name: str) -> rsa.RSAPrivateKey:
    (merchant,) = (each for each in default_merchants() if each.bank == bank)
    key = serialization.load_pem_private_key(merchant.secrets[name].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def bearer(now: datetime) -> str:
    claims = f"VA0001|{compact(now)}"
    proof = hmac.new(b"demo-client-secret", f"token|{claims}".encode(), "sha256").hexdigest()
    return f"Bearer {_base64url(f'{claims}|{proof}'.encode())}"


def headers(now: datetime) -> dict[str, str]:
    return {
        **JSON_HEADERS,
        "channel": "211701",
        "x-client-certificate": "MIIB",
        "x-api-interaction-id": "5f0d2a3e-0000-4000-8000-000000000001",
        "x-idempotency-key": "5f0d2a3e-0000-4000-8000-000000000002",
        "timestamp": "2026-11-22T10:00:00.000+07:00",
        "x-customer-ip-address": "127.0.0.1",
        "authorization": bearer(now),
    }


FIELDS: dict[str, dict[str, object]] = {
    "createVAQLBH": {
        **{"serviceId": "VA0001", "channelId": "211701", "merchantId": "BCDV00001", "merchantName": "TT HCC"},
        **{"accountNo": "1200000000", "accountName": "TT HCC", "identity": "000000000000", "mobile": "0900000000"},
        **{"merchantType": "1", "tranDate": "261122"},
    },
    "confirmVAQLBH": {
        **{"serviceId": "VA0001", "channelId": "211701", "merchantId": "BCDV00001", "merchantName": "TT HCC"},
        **{"confirmId": "5f0d2a3e-0000-4000-8000-000000000001", "otpNumber": "123456"},
    },
    "deleteVAQLBH": {"serviceId": "VA0001", "channelId": "211701", "merchantId": "BCDV00001", "tranDate": "261122"},
    "genVietQR": {
        **{"serviceId": "VA0001", "code": "V3PHBCDV00001", "name": "TT HCC", "amount": "20000"},
        **{"description": "Le phi HS0001"},
    },
}
PATHS = {kind: f"/open-banking/paygate/virtualAccount/{kind}/v1" for kind in FIELDS}


def sealed(kind: str, now: datetime, *, plain: bool = False, **changes: object) -> Request:
    """`plain` = only what is signed is encrypted."""
    fields = {name: value for name, value in {**FIELDS[kind], **changes}.items() if value is not None}
    text = json.dumps(fields).encode()
    encrypted = json.dumps(jwe(text)).encode()
    whole = {**headers(now), "x-jws-signature": jws(encrypted)}
    return Request("POST", PATHS[kind], headers=whole, body=text if plain else encrypted)


def token(secret: str = "demo-client-secret", client: str = "VA0001", grant: str = "client_credentials") -> Request:
    body = f"grant_type={grant}&scope=ewallet&client_id={client}&client_secret={secret}".encode()
    return Request("POST", "/oauth2/token", body=body)


def _others(ref: str, now: datetime) -> list[Request]:
    return [token(), *(sealed(kind, now) for kind in FIELDS)]


SAMPLE = Sample("VA0001", None, None, _others)
