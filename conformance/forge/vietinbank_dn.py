"""The notice of Đà Nẵng's gateway at VietinBank: flat JSON of texts, RSA over the values that are not empty."""

import base64
from collections.abc import Callable
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from conformance.forge.fields import JSON, Fields, get, put
from conformance.forge.seal import (
    Asked,
    Asking,
    Grammar,
    No,
    Said,
    Seal,
    Secrets,
    Wire,
    Word,
    json_object,
    text_code,
)
from simulator.client import Answer, Message

_NOTICE = (
    *("transId", "merchantId", "orderId", "amount", "currencyCode", "payMethod", "billCode", "transStatus"),
    *("responseCode", "transTime", "bankTransId", "refundedAmount"),
)
_ANSWER = ("transId", "errorCode", "errorDesc")


def _joined(fields: Fields, names: tuple[str, ...]) -> str:
    # vietinbank-dn-design#signature, #empty: nothing between the values, nothing for what is not there.
    return "".join(str(get(fields, (name,))) for name in names)


def _text(fields: Fields) -> str:
    return _joined(fields, _NOTICE)


def _rsa(algorithm: Callable[[], hashes.HashAlgorithm]) -> Callable[[str, Secrets], str]:
    def sign(text: str, secrets: Secrets) -> str:
        key = _private_key(secrets["bank_private_key"])
        return base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), algorithm())).decode()

    return sign


def _signed_by_portal(text: str, signature: str, secrets: Secrets) -> bool:
    key = _public_key(secrets["portal_public_key"])
    try:
        key.verify(base64.b64decode(signature, validate=True), text.encode(), padding.PKCS1v15(), hashes.SHA256())
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


def _shift(fields: Fields) -> Fields:
    """The amount's last digit moves into the currency behind it, and the signature stays valid."""
    amount, currency = (str(get(fields, (name,))) for name in ("amount", "currencyCode"))
    return dict(put(put(fields, ("amount",), amount[:-1]), ("currencyCode",), amount[-1:] + currency))


def _read(answer: Answer, message: Message, secrets: Secrets) -> Said:
    found, problem = json_object(answer)
    if problem:
        return Said("", problem)
    said = text_code(found, "errorCode")
    signature = found.get("signature", "")
    if said.problem or (said.code not in DONE and signature == ""):
        return said  # vietinbank-dn-design#unsigned-refusal
    asked = str(get(JSON.read(message), ("transId",)))
    if found.get("transId") != asked:
        return Said(said.code, f"transId is {found.get('transId')!r} where {asked!r} was asked")
    # vietinbank-dn-design#acknowledgement
    if not _signed_by_portal(_joined(found, _ANSWER), str(signature), secrets):
        return Said(said.code, "the answer is not signed with the portal's key")
    return said


SEAL = Seal(
    envelope=JSON,
    signature=("signature",),
    words={
        Word.AMOUNT: ("amount",),
        Word.ORDER_REF: ("orderId",),
        Word.MERCHANT: ("merchantId",),
        Word.RESULT: ("responseCode",),
        Word.STATUS: ("transStatus",),
        Word.CURRENCY: ("currencyCode",),
        Word.BANK_REF: ("bankTransId",),
        Word.MESSAGE_REF: ("transId",),
    },
    text=_text,
    sign=_rsa(hashes.SHA256),
    sign_otherwise=_rsa(hashes.SHA1),
    shift=_shift,
    extra="campaignCode",
    # vietinbank-dn-design#empty, #cash: cash at a counter has no bankTransId.
    optional=(("billCode",), ("bankTransId",)),
)

DONE = frozenset({"00", "05"})

GRAMMAR = Grammar(
    read=_read,
    done=DONE,
    # vietinbank-dn-design#codes
    no={
        No.BAD_SIGNATURE: frozenset({"01"}),
        No.UNKNOWN_ORDER: frozenset({"02"}),
        No.WRONG_AMOUNT: frozenset({"04"}),
    },
)

_CREATE = Asking(
    envelope=JSON,
    words={
        Asked.TIME: ("transTime",),
        Asked.EXPIRY: ("expireTime",),
        Asked.DESCRIPTION: ("remark",),
        Asked.AMOUNT: ("amount",),
        Asked.NUMBER: ("requestId",),
    },
)
# vietinbank-dn-design#duplicates: a question has a number of its own; transTime is when it is asked.
_QUERY = Asking(envelope=JSON, words={Asked.NUMBER: ("requestId",)})
_REFUND = Asking(envelope=JSON, words={Asked.NUMBER: ("requestId",), Asked.AMOUNT: ("amount",)})

WIRE = Wire(
    seal=lambda message: SEAL,
    grammar=lambda message: GRAMMAR,
    asking={"create": _CREATE, "query": _QUERY, "refund": _REFUND},
    success={"transStatus": "00", "responseCode": "00"},
)
