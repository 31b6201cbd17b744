"""VNPAY's IPN: a GET whose query is signed with HMAC-SHA512, answered by a JSON RspCode."""

import hmac

from conformance.forge.fields import JSON, QUERY, Fields, form
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

_UNSIGNED = frozenset({"vnp_SecureHash", "vnp_SecureHashType"})


def _text(fields: Fields) -> str:
    # vnpay-pay-2-1-0#signature: all vnp_ fields but the hash itself, by name, form-encoded, joined by "&".
    named = {name: str(value) for name, value in fields.items() if name.startswith("vnp_")}
    pairs = sorted((name, value) for name, value in named.items() if name not in _UNSIGNED)
    return "&".join(f"{form(name)}={form(value)}" for name, value in pairs if value)


def _sha512(text: str, secrets: Secrets) -> str:
    return hmac.new(secrets["secret"].encode(), text.encode(), "sha512").hexdigest()


def _sha256(text: str, secrets: Secrets) -> str:
    return hmac.new(secrets["secret"].encode(), text.encode(), "sha256").hexdigest()


def _merge(fields: Fields) -> Fields:
    """A field becomes the tail of its neighbour: the same text to whoever signs values without encoding them."""
    rest = {name: value for name, value in fields.items() if name != "vnp_PayDate"}
    return rest | {"vnp_OrderInfo": f"{fields['vnp_OrderInfo']}&vnp_PayDate={fields.get('vnp_PayDate', '')}"}


def _read(answer: Answer, message: Message, secrets: Secrets) -> Said:
    found, problem = json_object(answer)
    if problem:
        return Said("", problem)
    said = text_code(found, "RspCode")
    if not said.problem and not isinstance(found.get("Message"), str):
        return Said(said.code, "Message is missing")
    return said


SEAL = Seal(
    envelope=QUERY,
    signature=("vnp_SecureHash",),
    words={
        Word.AMOUNT: ("vnp_Amount",),
        Word.ORDER_REF: ("vnp_TxnRef",),
        Word.MERCHANT: ("vnp_TmnCode",),
        Word.RESULT: ("vnp_ResponseCode",),
        Word.STATUS: ("vnp_TransactionStatus",),
        Word.BANK_REF: ("vnp_BankTranNo",),
        Word.MESSAGE_REF: ("vnp_TransactionNo",),
        Word.DESCRIPTION: ("vnp_OrderInfo",),
    },
    text=_text,
    sign=_sha512,
    sign_otherwise=_sha256,
    shift=_merge,
    extra="vnp_Campaign",
    # vnpay-pay-2-1-0#ipn: the fields that the document marks as not always there.
    optional=(("vnp_BankTranNo",), ("vnp_CardType",), ("vnp_PayDate",)),
    hexadecimal=True,
    unit=100,
)

GRAMMAR = Grammar(
    read=_read,
    # vnpay-pay-2-1-0#ipn: 00 and 02 end the retries, all else is asked again.
    done=frozenset({"00", "02"}),
    no={
        No.BAD_SIGNATURE: frozenset({"97"}),
        No.UNKNOWN_ORDER: frozenset({"01"}),
        No.WRONG_AMOUNT: frozenset({"04"}),
    },
)

_PAY = Asking(
    envelope=QUERY,
    words={
        Asked.TIME: ("vnp_CreateDate",),
        Asked.EXPIRY: ("vnp_ExpireDate",),
        Asked.DESCRIPTION: ("vnp_OrderInfo",),
        Asked.AMOUNT: ("vnp_Amount",),
    },
    unit=100,
)
_API = Asking(
    envelope=JSON,
    words={
        # vnpay-querydr-refund#querydr: the date of the order, beside that of the question.
        Asked.TIME: ("vnp_TransactionDate",),
        Asked.AMOUNT: ("vnp_Amount",),
        Asked.NUMBER: ("vnp_RequestId",),
    },
    unit=100,
)

WIRE = Wire(
    seal=lambda message: SEAL,
    grammar=lambda message: GRAMMAR,
    asking={"create": _PAY, "query": _API, "refund": _API},
    success={"vnp_ResponseCode": "00", "vnp_TransactionStatus": "00"},
)
