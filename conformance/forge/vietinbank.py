"""VietinBank's bill collection: JSON signed with RSA over bare values, in a flat form and an older one of records."""

import base64
from collections.abc import Callable
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from conformance.forge.fields import JSON, Fields, Path, get, put
from conformance.forge.seal import Grammar, No, Said, Seal, Secrets, Wire, Word, json_object, text_code
from simulator.client import Answer, Message

_RECORD: Path = ("data", "records", 0)
INQUIRY = "1100"  # onefin-bank#message-types
_NOTICE = ("transId", "transTime", "custCode", "amount", "bankTransId", "remark")
_INQUIRY = ("transId", "channelId", "transTime", "transType", "custCode", "custName", "custAcct")
_BILL = (*_INQUIRY[:6], "billId", "billTerm", "amount", "errorCode")
_ANSWER = ("transId", "errorCode", "errorDesc")
_RECORD_NOTICE: tuple[Path, ...] = (
    *(("transId",), ("originalId",), ("transTime",), ("custCode",), ("custName",), ("custAcct",)),
    *(("amount",), ("balance",), ("status", "code"), ("bankTransId",), ("remark",)),
)
_RECORD_INQUIRY: tuple[Path, ...] = (("transId",), ("transTime",), ("custCode",))
_RECORD_BILL: tuple[Path, ...] = (
    *(("transId",), ("channelId",), ("transTime",), ("custCode",), ("custName",)),
    *(("billId",), ("amount",), ("errorCode",)),
)
_RECORD_ANSWER: tuple[Path, ...] = (
    *(("transId",), ("originalId",), ("transTime",), ("custCode",), ("custName",), ("custAcct",)),
    *(("amount",), ("status", "code")),
)


def _joined(fields: Any, paths: tuple[Path, ...]) -> str:
    return "".join(str(get(fields, path)) for path in paths)


def _flat_joined(fields: Any, names: tuple[str, ...]) -> str:
    return _joined(fields, tuple((name,) for name in names))


def _is_flat_inquiry(fields: Fields) -> bool:
    """Only a notice says an amount."""
    return "amount" not in fields


def _is_record_inquiry(fields: Fields) -> bool:
    return bool(get(fields, ("header", "msgType")) == INQUIRY)


def _flat_text(fields: Fields) -> str:
    # vietinbank-y3-1-4-1#signature: no separator between the values, what is absent adds nothing.
    return _flat_joined(fields, _INQUIRY if _is_flat_inquiry(fields) else _NOTICE)


def _records_text(fields: Fields) -> str:
    # onefin-bank#signature: all records one after another, null adds nothing.
    records = get(fields, ("data", "records")) or []
    return "".join(_joined(record, _RECORD_NOTICE if "amount" in record else _RECORD_INQUIRY) for record in records)


def _rsa(algorithm: Callable[[], hashes.HashAlgorithm]) -> Callable[[str, Secrets], str]:
    def sign(text: str, secrets: Secrets) -> str:
        key = _private_key(secrets["bank_private_key"])
        return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), algorithm())).decode()

    return sign


def _signed_by_biller(text: str, signature: str, secrets: Secrets) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        key = _public_key(secrets["biller_public_key"])
        key.verify(raw, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


@cache
def _private_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the private key is no RSA key")
    return key


@cache
def _public_key(pem: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("the public key is no RSA key")
    return key


def _shift(prefix: Path) -> Callable[[Fields], Fields]:
    """The amount's last digit moves into what is signed right behind it, and the signature stays valid."""

    def shift(fields: Fields) -> Fields:
        amount = str(get(fields, (*prefix, "amount")))
        behind = ("balance", "bankTransId", "remark")
        into = (*prefix, next(name for name in behind if get(fields, (*prefix, name)) or name == "remark"))
        moved = amount[-1] + str(get(fields, into))
        return dict(put(put(fields, (*prefix, "amount"), amount[:-1]), into, moved))

    return shift


def _read_flat(answer: Answer, message: Message, secrets: Secrets) -> Said:
    found, problem = json_object(answer)
    if problem:
        return Said("", problem)
    said = text_code(found, "errorCode")
    if said.problem:
        return said
    question = JSON.read(message)
    asked = str(get(question, ("transId",)))
    if found.get("transId") != asked:
        return Said(said.code, f"transId is {found.get('transId')!r} where {asked!r} was asked")
    # vietinbank-notify-1-0-0#signature, vietinbank-thvqr-1-0#inq-bill: what the biller signs.
    text = _flat_joined(found, _BILL if _is_flat_inquiry(question) else _ANSWER)
    if not _signed_by_biller(text, str(found.get("signature", "")), secrets):
        return Said(said.code, "the answer is not signed with the biller's key")
    return said


def _read_records(answer: Answer, message: Message, secrets: Secrets) -> Said:
    found, problem = json_object(answer)
    if problem:
        return Said("", problem)
    header = found.get("header")
    if not isinstance(header, dict):
        return Said("", "header is missing")
    # The code's place is not documented: the header, the record or the record's status.
    places = (("header", "errorCode"), (*_RECORD, "errorCode"), (*_RECORD, "status", "code"))
    said = text_code({"errorCode": next((get(found, at) for at in places if get(found, at)), None)}, "errorCode")
    if said.problem:
        return said
    # onefin-bank#signature: the biller signs the error code and the values of every record.
    records = get(found, ("data", "records")) or []
    if _is_record_inquiry(JSON.read(message)):
        text = "".join(_joined(record, _RECORD_BILL) for record in records)
    else:
        text = said.code + "".join(_joined(record, _RECORD_ANSWER) for record in records)
    if not _signed_by_biller(text, str(header.get("signature", "")), secrets):
        return Said(said.code, "the answer is not signed with the biller's key")
    return said


FLAT = Seal(
    envelope=JSON,
    signature=("signature",),
    words={
        Word.AMOUNT: ("amount",),
        Word.ORDER_REF: ("custCode",),
        Word.MERCHANT: ("providerId",),
        Word.CURRENCY: ("currencyCode",),
        Word.BANK_REF: ("bankTransId",),
        Word.MESSAGE_REF: ("transId",),
        Word.DESCRIPTION: ("remark",),
    },
    text=_flat_text,
    sign=_rsa(hashes.SHA256),
    sign_otherwise=_rsa(hashes.SHA1),
    shift=_shift(()),
    extra="campaignCode",
    # vietinbank-y3-1-4-1#counter: optional by the document; cash at a counter has no bankTransId.
    optional=tuple((name,) for name in ("bankTransId", "sendBankId", "sendAcctId", "sendAcctName")),
)

RECORDS = Seal(
    envelope=JSON,
    signature=("header", "signature"),
    words={
        Word.AMOUNT: (*_RECORD, "amount"),
        Word.ORDER_REF: (*_RECORD, "custCode"),
        Word.MERCHANT: ("header", "providerId"),
        Word.CURRENCY: (*_RECORD, "currencyCode"),
        Word.BANK_REF: (*_RECORD, "bankTransId"),
        Word.MESSAGE_REF: (*_RECORD, "transId"),
        Word.DESCRIPTION: (*_RECORD, "remark"),
        Word.STATUS: (*_RECORD, "status", "code"),
    },
    text=_records_text,
    sign=_rsa(hashes.SHA256),
    sign_otherwise=_rsa(hashes.SHA1),
    shift=_shift(_RECORD),
    extra="campaignCode",
    optional=((*_RECORD, "bankTransId"),),
)

# vietinbank-y3-1-4-1#codes: 05 is a duplicate; billers answer 00 to it as well.
_DONE = frozenset({"00", "05"})
_NO = {No.BAD_SIGNATURE: frozenset({"01"}), No.UNKNOWN_ORDER: frozenset({"02", "06"})}


def _has_records(message: Message) -> bool:
    return "header" in JSON.read(message)


WIRE = Wire(
    seal=lambda message: RECORDS if _has_records(message) else FLAT,
    grammar=lambda message: Grammar(read=_read_records if _has_records(message) else _read_flat, done=_DONE, no=_NO),
)
