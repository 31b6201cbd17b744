"""payOS's webhook: JSON of which `data` alone is signed, its raw values by name, and answered by a status alone."""

import hmac
import json
from datetime import UTC, datetime, timedelta

from conformance.forge.fields import JSON, Fields, get, put
from conformance.forge.seal import Asked, Asking, Grammar, Said, Seal, Secrets, Wire, Word
from simulator.client import Answer, Message


def _text(fields: Fields) -> str:
    # payos-webhook-signature: names ascending, values as they are, null and the words for it as nothing.
    data = get(fields, ("data",)) or {}
    return "&".join(f"{name}={_value(data[name])}" for name in sorted(data))


def _value(value: object) -> str:
    if value is None or value in ("null", "undefined"):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def _sha256(text: str, secrets: Secrets) -> str:
    return hmac.new(secrets["checksum_key"].encode(), text.encode(), "sha256").hexdigest()


def _sha1(text: str, secrets: Secrets) -> str:
    return hmac.new(secrets["checksum_key"].encode(), text.encode(), "sha1").hexdigest()


def _merge(fields: Fields) -> Fields:
    """A field becomes the tail of its neighbour: the very same signed text."""
    told = f"{get(fields, ('data', 'desc'))}&description={get(fields, ('data', 'description'))}"
    return dict(put(put(fields, ("data", "desc"), told), ("data", "description"), None))


def _read(answer: Answer, message: Message, secrets: Secrets) -> Said:
    # payos-clients#webhook: 2xx and nothing else; of the body nothing is said.
    if not answer.status:
        return Said("", answer.error or "no answer")
    return Said("2xx" if 200 <= answer.status < 300 else f"HTTP {answer.status}")


def _compact(text: str) -> str:
    """yyyyMMddHHmmss in GMT+7 of seconds since 1970; any other text as it is."""
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        return text
    return f"{datetime.fromtimestamp(int(text), UTC) + timedelta(hours=7):%Y%m%d%H%M%S}"


_OPTIONAL = (
    *("counterAccountBankId", "counterAccountBankName", "counterAccountName", "counterAccountNumber"),
    *("virtualAccountName", "virtualAccountNumber"),
)

SEAL = Seal(
    envelope=JSON,
    signature=("signature",),
    words={
        Word.AMOUNT: ("data", "amount"),
        Word.ORDER_REF: ("data", "orderCode"),
        Word.MERCHANT: ("data", "accountNumber"),
        Word.RESULT: ("data", "code"),
        Word.CURRENCY: ("data", "currency"),
        Word.MESSAGE_REF: ("data", "reference"),
        Word.DESCRIPTION: ("data", "description"),
    },
    # code and desc stand once more beside data, where nothing is signed.
    twins={Word.RESULT: (("code",),)},
    text=_text,
    sign=_sha256,
    sign_otherwise=_sha1,
    shift=_merge,
    extra=("data", "campaign"),
    # payos-webhook-signature: a transfer from a bank that tells nothing of its customer has none of these.
    optional=tuple(("data", name) for name in _OPTIONAL),
    hexadecimal=True,
    numeric=True,
)

_CREATE = Asking(
    envelope=JSON,
    words={Asked.AMOUNT: ("amount",), Asked.DESCRIPTION: ("description",), Asked.EXPIRY: ("expiredAt",)},
    time=_compact,
)

WIRE = Wire(
    seal=lambda message: SEAL,
    grammar=lambda message: Grammar(read=_read, done=frozenset({"2xx"})),
    asking={"create": _CREATE},
    success={"code": "00", "cancel": "false", "status": "PAID"},
    # payos-clients#headers
    sent_secrets=frozenset({"api_key"}),
)
