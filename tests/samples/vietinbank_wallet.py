"""VietinBank's wallet API: a partner's requests and its answers to confirmations, signed by code of the tests' own."""

import base64
import json
from datetime import datetime
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.clock import compact
from simulator.merchants import default_merchants
from simulator.wire import Request
from tests.samples.sample import JSON_HEADERS, Sample

COMMON = "providerId+merchantId+channel+version+language+mac"
PAY_SIGNED = (
    "token+tokenIssueDate+amount+currencyCode+transTime+clientIP+payMethod+goodsType+billNo+remark"
    f"+{COMMON}"
)  # fmt: skip
SIGNED = {
    "registerOnlinePay": "cardNumber+cardIssueDate+cardHolderName+providerCustId+custIDNo+custIDIssueDate+custIDIssueBy"
    f"+custPhoneNo+custGender+custBirthday+clientIP+transTime+{COMMON}",
    "tokenIssue": "cardNumber+cardIssueDate+cardHolderName+providerCustId+custPhoneNo+custIDNo+clientIP+transTime"
    f"+requestId+{COMMON}",
    "tokenIssuer-payment": "cardNumber+cardIssueDate+cardHolderName+amount+currencyCode+providerCustId+custPhoneNo"
    f"+custIDNo+clientIP+transTime+requestId+{COMMON}",
    "paymentByToken": PAY_SIGNED,
    "paymentByOTP": PAY_SIGNED,
    "verifyPin": f"otp+verifyTransactionId+verifyBy+transTime+clientIP+requestId+{COMMON}",
    "transactionInquiry": f"queryTransactionId+queryType+{COMMON}",
    "refund": f"amount+currencyCode+refundTransactionId+transTime+clientIP+{COMMON}",
    "tokenRevoke": f"token+tokenIssueDate+transTime+clientIP+{COMMON}",
    "tokenReIssue": f"token+tokenIssueDate+transTime+clientIP+{COMMON}",
    "withdraw": "token+tokenIssueDate+amount+currencyCode+transTime+clientIP+benName+benAcctNo+benIDNo+benAddInfo"
    f"+remark+{COMMON}",
    "providerInquiry": COMMON,
}
ACCOUNT = "100000000001"
CARD = "9704198526191432198"
TOKEN = "67962135971480297325"
"""What stands for ACCOUNT at the test merchant."""


def rsa_signature(text: str, key_name: str, digest: hashes.HashAlgorithm, bank: str = "vietinbank_wallet") -> str:
    """By one of the test merchant's private keys (PKCS#1 v1.5, base64)."""
    return base64.b64encode(_key(bank, key_name).sign(text.encode(), padding.PKCS1v15(), digest)).decode()


@cache
def _key(bank: str, name: str) -> rsa.RSAPrivateKey:
    (merchant,) = (each for each in default_merchants() if each.bank == bank)
    key = serialization.load_pem_private_key(merchant.secrets[name].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def sealed(kind: str, fields: dict[str, str]) -> dict[str, str]:
    """The request's fields with the partner's signature: SHA1withRSA, absent fields leave no trace."""
    common = {"providerId": "DVC", "merchantId": "DVCWALLET", "channel": "WEB", "version": "1.0", "language": "vi"}
    whole = {**common, **fields}
    text = "".join(whole.get(name, "") for name in SIGNED[kind].split("+"))
    return {**whole, "signature": rsa_signature(text, "partner_private_key", hashes.SHA1())}


def wallet(kind: str, **fields: str) -> Request:
    body = json.dumps(sealed(kind, fields), ensure_ascii=False).encode()
    return Request("POST", f"/ewallet/{kind}", headers=JSON_HEADERS, body=body)


def card_fields(now: datetime, request_ref: str, number: str = CARD) -> dict[str, str]:
    return {
        "cardNumber": number,
        "cardIssueDate": "0715",
        "cardHolderName": "NGUYEN VAN A",
        "providerCustId": "KH01",
        "custPhoneNo": "0900000000",
        "custIDNo": "000000000000",
        "clientIP": "127.0.0.1",
        "transTime": compact(now),
        "requestId": request_ref,
    }


def pay_with_card(ref: str, amount_vnd: int, now: datetime, number: str = CARD) -> Request:
    paid = {"amount": str(amount_vnd), "currencyCode": "VND"}
    return wallet("tokenIssuer-payment", **card_fields(now, ref, number), **paid)


def token_fields(ref: str, amount_vnd: int, now: datetime, token: str) -> dict[str, str]:
    return {
        "requestId": ref,
        "token": token,
        "tokenIssueDate": "261122",
        "amount": str(amount_vnd),
        "currencyCode": "VND",
        "transTime": compact(now),
        "clientIP": "127.0.0.1",
        "payMethod": "TOKEN",
        "goodsType": "LEPHI",
        "billNo": "H17.12.6-261122-0001",
        "remark": "Nop le phi",
    }


def pay_by_token(ref: str, amount_vnd: int, now: datetime, token: str, kind: str = "paymentByToken") -> Request:
    return wallet(kind, **token_fields(ref, amount_vnd, now, token))


def verify_pin(ref: str, now: datetime, otp: str = "123456", request_ref: str = "V1") -> Request:
    fields = {"otp": otp, "verifyTransactionId": ref, "verifyBy": "OTP", "transTime": compact(now)}
    return wallet("verifyPin", requestId=request_ref, clientIP="127.0.0.1", **fields)


def inquiry(ref: str, now: datetime, request_ref: str) -> Request:
    return wallet("transactionInquiry", requestId=request_ref, queryTransactionId=ref, queryType="PAY")


def refund(ref: str, amount_vnd: int, now: datetime, request_ref: str) -> Request:
    fields = {"amount": str(amount_vnd), "currencyCode": "VND", "refundTransactionId": ref, "transTime": compact(now)}
    return wallet("refund", requestId=request_ref, **fields)


def about_token(kind: str, request_ref: str, now: datetime, token: str, **more: str) -> Request:
    """tokenRevoke, tokenReIssue or withdraw."""
    fields = {"token": token, "tokenIssueDate": "261122", "transTime": compact(now), "clientIP": "127.0.0.1"}
    return wallet(kind, requestId=request_ref, **fields, **more)


def withdraw(request_ref: str, amount_vnd: int, now: datetime, token: str) -> Request:
    to_whom = {"benName": "NGUYEN VAN A", "benAcctNo": ACCOUNT, "remark": "Hoan le phi"}
    return about_token("withdraw", request_ref, now, token, amount=str(amount_vnd), currencyCode="VND", **to_whom)


def provider(request_ref: str) -> Request:
    return wallet("providerInquiry", requestId=request_ref)


def _others(ref: str, now: datetime) -> list[Request]:
    linked = card_fields(now, "L1")
    return [
        wallet("registerOnlinePay", **linked),
        wallet("tokenIssue", **linked),
        pay_by_token(ref, 20_000, now, "0" * 20),
        pay_by_token(ref, 20_000, now, "0" * 20, "paymentByOTP"),
        verify_pin(ref, now),
        refund(ref, 20_000, now, "R1"),
        about_token("tokenRevoke", "T1", now, TOKEN),
        about_token("tokenReIssue", "T2", now, TOKEN),
        withdraw("W1", 20_000, now, TOKEN),
        provider("P1"),
    ]


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    told = json.loads(body)
    ids = {"requestId": told["requestId"], "providerId": "DVC", "merchantId": told["merchantId"]}
    signature = rsa_signature("".join((*ids.values(), "00")), "partner_private_key", hashes.SHA1())
    return {"signature": signature, **ids, "status": {"code": "00", "message": "OK"}}


SAMPLE = Sample("DVCWALLET", pay_with_card, inquiry, _others)
