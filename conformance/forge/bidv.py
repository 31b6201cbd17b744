"""BIDV's getbill and paybill: JSON with a checksum over the secret and bare values; a bearer token beside it."""

import base64
import hashlib
import hmac
import json
import re
from dataclasses import replace
from datetime import datetime

from conformance.forge.fields import JSON, Fields, get
from conformance.forge.seal import Grammar, No, Said, Seal, Secrets, Wire, Word
from simulator.client import Answer, Message

_SHA256_DIGITS = 64


def _paid_text(fields: Fields) -> str:
    # bidv-vietqr#paybill: no separators, and neither customer nor service is in it.
    return "".join(str(get(fields, (name,))) for name in ("trans_id", "bill_id", "amount"))


def _asked_text(fields: Fields) -> str:
    # bidv-vietqr#getbill
    return "".join(str(get(fields, (name,))) for name in ("service_id", "customer_id"))


def _md5(text: str, secrets: Secrets) -> str:
    return hashlib.md5(f"{secrets['secret']}{text}".encode()).hexdigest()


def _hmac(text: str, secrets: Secrets) -> str:
    secret = secrets["secret"]
    return hmac.new(secret.encode(), f"{secret}{text}".encode(), "sha256").hexdigest()


def _sha1(text: str, secrets: Secrets) -> str:
    return hashlib.sha1(f"{secrets['secret']}{text}".encode()).hexdigest()


def _renumber(fields: Fields) -> Fields:
    """The payment's last digit becomes the bill's first: the same money under a number that was never seen."""
    trans_id = str(fields["trans_id"])
    return fields | {"trans_id": trans_id[:-1], "bill_id": trans_id[-1] + str(fields["bill_id"])}


def _rename(fields: Fields) -> Fields:
    """The service's last sign becomes the customer's first."""
    service_id = str(fields["service_id"])
    return fields | {"service_id": service_id[:-1], "customer_id": service_id[-1] + str(fields["customer_id"])}


def _is_inquiry(fields: Fields) -> bool:
    """Only paybill says an amount."""
    return "amount" not in fields


def _read(answer: Answer, message: Message, secrets: Secrets) -> Said:
    # bidv-vietqr#status: codes stand in answers of HTTP 200, and in most refusals of HTTP 400.
    if answer.status not in (200, 400):
        return Said("", answer.error or f"HTTP {answer.status} instead of 200 or 400")
    try:
        found = json.loads(answer.body)
    except ValueError:
        return Said("", "the body is no JSON")
    code = found.get("result_code") if isinstance(found, dict) else None
    if not isinstance(code, str) or not re.fullmatch(r"[0-9]{3}", code, re.ASCII):
        return Said("", f"result_code is {json.dumps(code)}, three digits as text are wanted")
    if answer.status != 200 and code in _DONE:
        return Said(code, f"result_code {code} with HTTP {answer.status}")
    return Said(code, _fault_of_bill(found, message) if code == "000" else "")


def _fault_of_bill(found: Fields, message: Message) -> str:
    """What is wrong with the bill in the answer to getbill."""
    asked = JSON.read(message) if message.body else {}
    if not _is_inquiry(asked):
        return ""
    if get(found, ("customer_id",)) not in ("", asked.get("customer_id")):
        return "customer_id is not the one that was asked"
    amount = get(found, ("data", 0, "amount")) or get(found, ("data", "amount"))
    return "" if str(amount).isdigit() else "data holds no bill with an amount"


def _paybill(hashed: bool) -> Seal:
    return Seal(
        envelope=JSON,
        signature=("checksum",),
        words={
            Word.AMOUNT: ("amount",),
            Word.ORDER_REF: ("customer_id",),
            Word.MERCHANT: ("service_id",),
            Word.MESSAGE_REF: ("trans_id",),
        },
        # The connector chose the bill's number; the one of the sample portal is that of the customer.
        twins={Word.ORDER_REF: (("bill_id",),)},
        text=_paid_text,
        sign=_hmac if hashed else _md5,
        sign_otherwise=_sha1,
        shift=_renumber,
        extra="additionalData3",
        # bidv-vietqr#paybill: three names are known that need not be there.
        optional=(("additionalData",), ("additionalData1",), ("additionalData2",)),
        hexadecimal=True,
    )


PAYBILL, PAYBILL_HMAC = _paybill(False), _paybill(True)
GETBILL = Seal(
    envelope=JSON,
    signature=("checksum",),
    words={Word.ORDER_REF: ("customer_id",), Word.MERCHANT: ("service_id",)},
    text=_asked_text,
    sign=_md5,
    sign_otherwise=_sha1,
    shift=_rename,
    extra="additionalData3",
    hexadecimal=True,
)


def _seal(message: Message) -> Seal:
    """By what the message says, and by how long its checksum is: the contract chooses one of two."""
    fields = JSON.read(message)
    if _is_inquiry(fields):
        return GETBILL
    return PAYBILL_HMAC if len(str(get(fields, ("checksum",)))) == _SHA256_DIGITS else PAYBILL


# bidv-vietqr#codes
_DONE = frozenset({"000", "023"})
GRAMMAR = Grammar(
    read=_read,
    done=_DONE,
    no={
        No.BAD_SIGNATURE: frozenset({"003", "004"}),
        No.UNKNOWN_ORDER: frozenset({"011", "012", "021"}),
        No.WRONG_AMOUNT: frozenset({"022"}),
    },
)

_BEARER = "authorization"
_TOKEN_LIFE_S = 300  # bidv-vietqr#token


def _false_tokens(message: Message, secrets: Secrets) -> dict[str, Message]:
    # bidv-vietqr#token: HS256 with a secret of its own, beside the checksum.
    kept = tuple(pair for pair in message.headers if pair[0].lower() != _BEARER)
    given = next((value for name, value in message.headers if name.lower() == _BEARER), "")
    head, _, rest = given.removeprefix("Bearer ").partition(".")
    claims, _, signature = rest.partition(".")
    chooses_none = _part(json.dumps({"alg": "none", "typ": "JWT"}).encode())
    by_another = hmac.digest(f"not {secrets['jwt_secret']}".encode(), f"{head}.{claims}".encode(), "sha256")
    tokens = {
        "no token": None,
        "an empty token": "Bearer ",
        "a token signed with another key": f"Bearer {head}.{claims}.{_part(by_another)}",
        "a token that chooses no algorithm": f"Bearer {chooses_none}.{claims}.{signature}",
        "a token that chooses no algorithm and has no signature": f"Bearer {chooses_none}.{claims}.",
        "another kind of proof": "Basic YmlkdjpiaWR2",
    }
    return {
        told: replace(message, headers=kept if token is None else (*kept, (_BEARER, token)))
        for told, token in tokens.items()
    }


def _introduced(message: Message, secrets: Secrets, now: datetime) -> Message:
    issued = int(now.timestamp())
    claims = {"iss": "BIDV", "iat": issued, "exp": issued + _TOKEN_LIFE_S}
    signed = ".".join(_part(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims))
    signature = _part(hmac.digest(secrets["jwt_secret"].encode(), signed.encode(), "sha256"))
    kept = tuple(pair for pair in message.headers if pair[0].lower() != _BEARER)
    return replace(message, headers=(*kept, (_BEARER, f"Bearer {signed}.{signature}")))


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


WIRE = Wire(seal=_seal, grammar=lambda message: GRAMMAR, false_tokens=_false_tokens, introduced=_introduced)
