"""SePay's webhook: JSON whose proof stands in a header, an HMAC over the time, a dot and the body as it is sent."""

import hmac
import json
from dataclasses import replace

from conformance.forge.fields import JSON, Envelope, Fields
from conformance.forge.seal import Grammar, Said, Seal, Secrets, Wire, Word
from simulator.client import Answer, Message

# Headers among the body's fields; no field of the body begins so.
_HEADERS = {"@signature": "x-sepay-signature", "@time": "x-sepay-timestamp"}


def _read(message: Message) -> Fields:
    found = {name.lower(): value for name, value in message.headers}
    return JSON.read(message) | {name: found.get(header) for name, header in _HEADERS.items()}


def _write(message: Message, fields: Fields) -> Message:
    kept = tuple(pair for pair in message.headers if pair[0].lower() not in _HEADERS.values())
    given = tuple(
        (header, _in_header(fields[name])) for name, header in _HEADERS.items() if fields.get(name) is not None
    )
    return replace(JSON.write(message, _body(fields)), headers=(*kept, *given))


def _in_header(value: object) -> str:
    """Letters beyond ASCII go out as UTF-8, each byte a character, as headers are written down here."""
    return str(value).encode().decode("latin-1")


def _body(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name not in _HEADERS}


def _text(fields: Fields) -> str:
    # sepay-webhooks#hmac: the bytes themselves are signed, with the time before them.
    body = json.dumps(_body(fields), ensure_ascii=False, separators=(",", ":"))
    return f"{fields.get('@time')}.{body}"


def _sha256(text: str, secrets: Secrets) -> str:
    return "sha256=" + hmac.new(secrets["webhook_secret"].encode(), text.encode(), "sha256").hexdigest()


def _over_body(message: Message, secrets: Secrets) -> Message:
    """The same bytes under a right signature."""
    time = _read(message)["@time"]
    signature = _sha256(f"{time}.{message.body.decode()}", secrets)
    kept = tuple(pair for pair in message.headers if pair[0].lower() != _HEADERS["@signature"])
    return replace(message, headers=(*kept, (_HEADERS["@signature"], signature)))


def _without_time(text: str, secrets: Secrets) -> str:
    # sepay-clients#sdk: a published client computes it over the body alone; the documents do not.
    body = text.partition(".")[2]
    return hmac.new(secrets["webhook_secret"].encode(), body.encode(), "sha256").hexdigest()


def _merge(fields: Fields) -> Fields:
    """The amount's last digit moves over to the text behind it."""
    amount = str(fields["transferAmount"])
    return fields | {
        "transferAmount": int(amount[:-1] or 0),
        "referenceCode": amount[-1] + str(fields["referenceCode"]),
    }


def _read_answer(answer: Answer, message: Message, secrets: Secrets) -> Said:
    # sepay-webhooks#acknowledgement: HTTP 2xx and success true; all else is no acknowledgement, in any form.
    if not answer.status:
        return Said("", answer.error or "no answer")
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    success = isinstance(found, dict) and found.get("success") is True and 200 <= answer.status < 300
    return Said("success" if success else f"refused with HTTP {answer.status}")


SEAL = Seal(
    envelope=Envelope(_read, _write, JSON.respell),
    over_body=_over_body,
    signature=("@signature",),
    words={
        Word.AMOUNT: ("transferAmount",),
        Word.ORDER_REF: ("content",),
        Word.MERCHANT: ("accountNumber",),
        Word.RESULT: ("transferType",),
        Word.BANK_REF: ("referenceCode",),
        Word.MESSAGE_REF: ("id",),
        Word.DESCRIPTION: ("description",),
    },
    twins={Word.ORDER_REF: (("code",),)},
    text=_text,
    sign=_sha256,
    sign_otherwise=_without_time,
    shift=_merge,
    extra="campaign",
    # sepay-webhooks#fields: null where the account has none.
    optional=(("subAccount",), ("description",)),
    numeric=True,
)

WIRE = Wire(seal=lambda message: SEAL, grammar=lambda message: Grammar(read=_read_answer, done=frozenset({"success"})))
