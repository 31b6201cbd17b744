"""The national payment platform's CONFIRM: JSON whose MaXacThuc is a plain SHA-256 with the secret at the end."""

import hashlib
import hmac

from conformance.forge.fields import JSON, Fields, get
from conformance.forge.seal import (
    Asked,
    Asking,
    Grammar,
    Said,
    Seal,
    Secrets,
    Wire,
    Word,
    json_object,
    text_code,
)
from simulator.client import Answer, Message

_ORDER = (
    "LoaiBanTin",
    "MaLoi",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "MaTienTe",
    "MaGiaoDich",
    "MaNganHang",
    "ThoiGianGD",
    "ThongTinGiaoDich",
)


def _text(fields: Fields) -> str:
    # dvcqg-td#confirm: values in a fixed order joined by "|".
    return "|".join(str(get(fields, (name,))) for name in _ORDER)


def _digest(text: str, secrets: Secrets) -> str:
    # dvcqg-td#signature: the secret is one more value at the end of a plain digest, no HMAC.
    return hashlib.sha256(f"{text}|{secrets['secret']}".encode()).hexdigest()


def _hmac(text: str, secrets: Secrets) -> str:
    return hmac.new(secrets["secret"].encode(), text.encode(), "sha256").hexdigest()


def _merge(fields: Fields) -> Fields:
    """Two neighbours become one: the same text to whoever joins only the values that are there."""
    rest = {name: value for name, value in fields.items() if name != "ThongTinGiaoDich"}
    return rest | {"ThoiGianGD": f"{fields['ThoiGianGD']}|{fields['ThongTinGiaoDich']}"}


def _read(answer: Answer, message: Message, secrets: Secrets) -> Said:
    found, problem = json_object(answer)
    if problem:
        return Said("", problem)
    said = text_code(found, "MaLoi")
    if not said.problem and not isinstance(found.get("MoTaLoi"), str):
        return Said(said.code, "MoTaLoi is missing")
    return said


SEAL = Seal(
    envelope=JSON,
    signature=("MaXacThuc",),
    words={
        Word.AMOUNT: ("SoTien",),
        Word.ORDER_REF: ("MaThamChieu",),
        Word.MERCHANT: ("MaDoiTac",),
        Word.RESULT: ("MaLoi",),
        Word.CURRENCY: ("MaTienTe",),
        Word.MESSAGE_REF: ("MaGiaoDich",),
        Word.DESCRIPTION: ("ThongTinGiaoDich",),
    },
    text=_text,
    sign=_digest,
    sign_otherwise=_hmac,
    shift=_merge,
    extra="GhiChu",
    optional=(("MaHoSo",), ("UrlBienLai",)),
    hexadecimal=True,
    numeric=True,
)

# dvcqg-td#confirm: only 00 and 99 were ever seen.
GRAMMAR = Grammar(read=_read, done=frozenset({"00"}))

_INIT = Asking(
    envelope=JSON,
    words={
        Asked.TIME: ("ThoiGianGD",),
        Asked.DESCRIPTION: ("ThongTinGiaoDich",),
        Asked.AMOUNT: ("SoTien",),
    },
)
# dvcqg-td#query: a question carries the time of the INIT.
_QUERY = Asking(envelope=JSON, words={Asked.TIME: ("ThoiGianGD",)})

WIRE = Wire(
    seal=lambda message: SEAL,
    grammar=lambda message: GRAMMAR,
    asking={"create": _INIT, "query": _QUERY},
    success={"responseCode": "00"},
)
