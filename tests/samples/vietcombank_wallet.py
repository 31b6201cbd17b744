"""Vietcombank's wallet link: a partner's messages, encrypted and signed by code of the tests' own."""

import base64
import hashlib
import json
from datetime import datetime

from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from simulator.clock import compact
from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample
from tests.samples.vietinbank_wallet import rsa_signature

PATH = "/EWSRest/api/EWSPublic"
PARTNER = "VCBVI"
VECTOR = b"demo-vector-0001"
USER = "100000000001"

_BASE = hashlib.sha1(b"demo-pass-phrasedemo-salt").digest()
KEY = (hashlib.sha1(_BASE).digest() + hashlib.sha1(b"1" + _BASE).digest())[:32]


def encrypted(text: bytes) -> str:
    pad = padding.PKCS7(128).padder()
    seal = Cipher(AES(KEY), CBC(VECTOR)).encryptor()
    return base64.b64encode(seal.update(pad.update(text) + pad.finalize()) + seal.finalize()).decode()


def decrypted(data: str) -> dict[str, object]:
    opened = Cipher(AES(KEY), CBC(VECTOR)).decryptor()
    text = opened.update(base64.b64decode(data)) + opened.finalize()
    told: dict[str, object] = json.loads(text[: -text[-1]])
    return told


def envelope(message: str, number: str, data: str, key: str = "partner_private_key") -> dict[str, object]:
    signature = rsa_signature(f"{PARTNER}{number}{message}{data}", key, hashes.SHA1(), "vietcombank_wallet")
    ids = {"PartnerId": PARTNER, "RequestId": number, "MessageType": message}
    return {**ids, "Data": data, "Signature": signature}


def wallet(message: str, number: str, **fields: object) -> Request:
    told = {"requestId": number, "partnerId": PARTNER, "txnId": number, **fields}
    body = envelope(message, number, encrypted(json.dumps(told).encode()))
    return Request("POST", PATH, headers=JSON_HEADERS, body=json.dumps(body).encode())


def cash_in(ref: str, amount_vnd: int, now: datetime, user: str = USER, **changes: object) -> Request:
    at = f"{compact(now)[:8]}T{compact(now)[8:]}"
    money = {"txnAmount": str(amount_vnd), "txnCurrency": "VND", "txnTime": at, "txnDesc": "Nop le phi"}
    return wallet("cash_in", ref, userId=user, partnerAcctID="0", **{"lang": "vi", **money, **changes})


def cash_in_otp(bank_ref: str, otp: str = "123456", number: str = "O1") -> Request:
    return wallet("cash_in_otp", number, userId=USER, otp=otp, vcbTransId=bank_ref)


def status_of(ref: str, ordered_at: datetime, request_ref: str) -> Request:
    """Its client asks under the number of the first request."""
    return wallet("check_trans_status", ref, userId=USER)


def linking() -> list[Request]:
    who = {"userId": USER, "fullname": "NGUYEN VAN A", "bankAccount": USER, "idNumber": "000000000000"}
    return [
        wallet("active_customer", "L1", **who),
        wallet("active_customer_otp", "L2", **who, otp="123456", vcbTransId="1"),
        wallet("check_active_status", "L3", userId=USER),
        wallet("check_customer_profile", "L4", userId=USER),
        wallet("deactive_customer", "L5", userId=USER),
        wallet("get_partner_acc_balance", "L6"),
        wallet("cash_out", "L7", userId=USER, txnAmount="20000", txnCurrency="VND"),
    ]


def _others(ref: str, now: datetime) -> list[Request]:
    return [cash_in_otp("14226112"), *linking()]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    told = json.loads(body)
    done = encrypted(b'{"code":0,"desc":"","message":""}')
    return envelope(told["MessageType"], told["RequestId"], done)


SAMPLE = Sample(PARTNER, cash_in, status_of, _others)
