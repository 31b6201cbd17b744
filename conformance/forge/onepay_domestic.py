"""OnePay's callback: a query or a form whose raw values are signed with a key in hex, answered by one line of text."""

import hashlib
import hmac
from dataclasses import replace
from urllib.parse import parse_qsl

from conformance.forge.fields import QUERY, Envelope, Fields, backwards, form
from conformance.forge.seal import Asked, Asking, Grammar, Said, Seal, Secrets, Wire, Word
from simulator.client import Answer, Message

_UNSIGNED = frozenset({"vpc_SecureHash", "vpc_SecureHashType"})
_CONFIRMED = "responsecode=1&desc=confirm-success"


def _text(fields: Fields) -> str:
    # onepay-clients#signature: names in the order of their bytes, values as they are, nothing of what is empty.
    named = {name: str(value) for name, value in fields.items() if name.startswith(("vpc_", "user_"))}
    return "&".join(f"{name}={named[name]}" for name in sorted(named) if named[name] and name not in _UNSIGNED)


def _sha256(text: str, secrets: Secrets) -> str:
    return hmac.new(_key(secrets["secret"]), text.encode(), "sha256").hexdigest().upper()


def _md5(text: str, secrets: Secrets) -> str:
    # onepay-clients#signature: 32 digits were the way of version 1.
    return hashlib.md5(f"{secrets['secret']}{text}".encode()).hexdigest().upper()


def _key(secret: str) -> bytes:
    """The secret is hex; one that is none stands for itself."""
    try:
        return bytes.fromhex(secret)
    except ValueError:
        return secret.encode()


def _merge(fields: Fields) -> Fields:
    """A field becomes the tail of its neighbour: the very same signed text."""
    rest = {name: value for name, value in fields.items() if name != "vpc_TransactionNo"}
    number = fields.get("vpc_TransactionNo", "")
    return rest | {"vpc_OrderInfo": f"{fields['vpc_OrderInfo']}&vpc_TransactionNo={number}"}


def _read_body(message: Message) -> Fields:
    return dict(parse_qsl(message.body.decode("latin-1"), keep_blank_values=True))


def _write_body(message: Message, fields: Fields) -> Message:
    pairs = "&".join(f"{form(name)}={form(str(value))}" for name, value in fields.items())
    return replace(message, body=pairs.encode())


def _respell_body(message: Message) -> Message:
    return _write_body(message, backwards(_read_body(message)))


BODY = Envelope(_read_body, _write_body, _respell_body)


def _read(answer: Answer, message: Message, secrets: Secrets) -> Said:
    # onepay-guide#ipn: HTTP 200 with exactly this text; responsecode=0 is the way to say no.
    if answer.status != 200:
        return Said("", answer.error or f"HTTP {answer.status} instead of 200")
    text = answer.body.decode("utf-8", "replace").strip()
    code = dict(parse_qsl(text)).get("responsecode", "")
    if text == _CONFIRMED or code == "0":
        return Said(code)
    return Said("", f"the body is neither {_CONFIRMED} nor one of responsecode=0")


def _seal(envelope: Envelope) -> Seal:
    return Seal(
        envelope=envelope,
        signature=("vpc_SecureHash",),
        words={
            Word.AMOUNT: ("vpc_Amount",),
            Word.ORDER_REF: ("vpc_MerchTxnRef",),
            Word.MERCHANT: ("vpc_Merchant",),
            Word.RESULT: ("vpc_TxnResponseCode",),
            Word.CURRENCY: ("vpc_CurrencyCode",),
            Word.MESSAGE_REF: ("vpc_TransactionNo",),
            Word.DESCRIPTION: ("vpc_OrderInfo",),
        },
        text=_text,
        sign=_sha256,
        sign_otherwise=_md5,
        shift=_merge,
        extra="vpc_Campaign",
        # onepay-clients#return: the set of fields varies; the payer's bank is not always known.
        optional=(("vpc_AdditionData",), ("vpc_Locale",), ("vpc_Message",)),
        hexadecimal=True,
        unit=100,
    )


BY_QUERY, BY_FORM = _seal(QUERY), _seal(BODY)
GRAMMAR = Grammar(read=_read, done=frozenset({"1"}))

_PAY = Asking(envelope=QUERY, words={Asked.DESCRIPTION: ("vpc_OrderInfo",), Asked.AMOUNT: ("vpc_Amount",)}, unit=100)

WIRE = Wire(
    seal=lambda message: BY_FORM if message.method == "POST" else BY_QUERY,
    grammar=lambda message: GRAMMAR,
    asking={"create": _PAY},
    success={"vpc_TxnResponseCode": "0"},
    # onepay-clients#querydr: queryDR carries user and password.
    sent_secrets=frozenset({"password"}),
)
