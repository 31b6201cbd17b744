"""Vietcombank's callback for Quảng Ninh: context and payload, signed by HMAC-SHA256 over all their values."""

import hmac
import re

from conformance.forge.fields import JSON, QUERY, Fields, get, put
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

_CONTEXT = ("channelId", "channelRefNumber", "requestDateTime")
_PAYLOAD = (
    *("providerId", "orderId", "transactionNo", "amount", "currency", "channel", "bankCode"),
    *("transactionTime", "status", "resultCode", "description"),
)
_ANSWER = ("channelId", "channelRefNumber", "responseMsgId", "status", "errorCode")


def _text(fields: Fields) -> str:
    # vcb-qn-design#signatures: the kind, then the values; an absent one is empty.
    values = [get(fields, ("context", name)) for name in _CONTEXT] + [
        get(fields, ("payload", name)) for name in _PAYLOAD
    ]
    return "|".join(["PAYMENT", *map(str, values)])


def _sha256(text: str, secrets: Secrets) -> str:
    return hmac.new(secrets["secret"].encode(), text.encode(), "sha256").hexdigest()


def _sha1(text: str, secrets: Secrets) -> str:
    return hmac.new(secrets["secret"].encode(), text.encode(), "sha1").hexdigest()


def _merge(fields: Fields) -> Fields:
    """Two neighbours become one: the same text to whoever joins only the values that are there."""
    there = (str(get(fields, ("payload", name))) for name in ("bankCode", "transactionTime"))
    merged = put(fields, ("payload", "bankCode"), "|".join(filter(None, there)))
    return dict(put(merged, ("payload", "transactionTime"), ""))


def _read(answer: Answer, message: Message, secrets: Secrets) -> Said:
    found, problem = json_object(answer)
    if problem:
        return Said("", problem)
    context = found.get("context")
    said = text_code(context if isinstance(context, dict) else {}, "errorCode")
    if said.problem:
        return said
    signature, status = get(found, ("signature",)), get(found, ("context", "status"))
    if said.code not in DONE and signature == "":
        return said  # vcb-qn-design#unsigned-refusal
    # vcb-qn-design#acknowledgement
    text = "|".join(["PAYMENT_ANSWER", *(str(get(found, ("context", name))) for name in _ANSWER)])
    if str(signature).lower() != _sha256(text, secrets):
        return Said(said.code, "the answer is not signed with the provider's secret")
    for name in ("channelId", "channelRefNumber"):
        told, asked = get(found, ("context", name)), get(JSON.read(message), ("context", name))
        if told != asked:
            return Said(said.code, f"{name} is {told!r} where {asked!r} was asked")
    if said.code == "0" and status != "SUCCESS":
        return Said(said.code, f"errorCode is 0 and status {status!r}")
    return said


def _compact(text: str) -> str:
    """yyyyMMddHHmmss of a dd-MM-yyyy HH:mm:ss; any other text as it is."""
    found = re.fullmatch(r"(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d):(\d\d)", text)
    return "".join(found.group(3, 2, 1, 4, 5, 6)) if found else text


SEAL = Seal(
    envelope=JSON,
    signature=("signature",),
    words={
        Word.AMOUNT: ("payload", "amount"),
        Word.ORDER_REF: ("payload", "orderId"),
        Word.MERCHANT: ("payload", "providerId"),
        Word.RESULT: ("payload", "resultCode"),
        Word.STATUS: ("payload", "status"),
        Word.CURRENCY: ("payload", "currency"),
        Word.MESSAGE_REF: ("payload", "transactionNo"),
        Word.DESCRIPTION: ("payload", "description"),
    },
    text=_text,
    sign=_sha256,
    sign_otherwise=_sha1,
    shift=_merge,
    extra="campaign",
    # vcb-qn-design#channels: what is not known yet is empty, and what is absent is signed like that.
    optional=(("payload", "channel"), ("payload", "bankCode")),
    hexadecimal=True,
)

DONE = frozenset({"0", "1"})

GRAMMAR = Grammar(
    read=_read,
    done=DONE,
    # vcb-qn-design#error-codes
    no={
        No.BAD_SIGNATURE: frozenset({"18"}),
        No.UNKNOWN_ORDER: frozenset({"17"}),
        No.WRONG_AMOUNT: frozenset({"3"}),
    },
)

_PAY = Asking(
    envelope=QUERY,
    words={
        Asked.TIME: ("requestDateTime",),
        Asked.EXPIRY: ("expireDateTime",),
        Asked.DESCRIPTION: ("description",),
        Asked.AMOUNT: ("amount",),
    },
    time=_compact,
)
# vcb-qn-design#channel-ref: a question has a number of its own, and names no time of the order.
_QUERY = Asking(envelope=JSON, words={Asked.NUMBER: ("context", "channelRefNumber")})
_REFUND = Asking(
    envelope=JSON,
    words={Asked.NUMBER: ("payload", "refundId"), Asked.AMOUNT: ("payload", "amount")},
)

WIRE = Wire(
    seal=lambda message: SEAL,
    grammar=lambda message: GRAMMAR,
    asking={"create": _PAY, "query": _QUERY, "refund": _REFUND},
    success={"status": "SUCCESS", "resultCode": "0"},
)
