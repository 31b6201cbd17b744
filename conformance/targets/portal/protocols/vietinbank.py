"""VietinBank bill collection from the biller's side: the bank asks for a bill, then tells of its payment.

Rule: one reading for both wire formats, the flat one and the older one of records; a message is answered in the
format in which it came. Values are signed side by side without a separator, so each is held to its own form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from typing import Any

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import BankWord, Dossier, Effect, Outcome, Rejected
from conformance.targets.portal.moments import is_compact
from conformance.targets.portal.protocols.fields import (
    Fields,
    json_object,
    require,
    text,
    text_or_nothing,
    whole_amount,
)
from conformance.targets.portal.protocols.seals import rsa_is_right, rsa_sign

BANK = "vietinbank"
METHODS = ("bill", "counter", "pos", "internet_banking", "mobile", "qr")

# vietinbank-thvqr-1-0#inq-bill, vietinbank-notify-1-0-0#signature: what is absent or empty leaves no trace.
_FLAT_INQUIRY = ("transId", "channelId", "transTime", "transType", "custCode", "custName", "custAcct")
_FLAT_BILL = (
    *("transId", "channelId", "transTime", "transType", "custCode", "custName"),
    *("billId", "billTerm", "amount", "errorCode"),
)
_FLAT_NOTICE = ("transId", "transTime", "custCode", "amount", "bankTransId", "remark")
_FLAT_ANSWER = ("transId", "errorCode", "errorDesc")
# onefin-bank#signature: the values of all records one after another.
_RECORD_INQUIRY = ("transId", "transTime", "custCode")
_RECORD_BILL = ("transId", "channelId", "transTime", "custCode", "custName", "billId", "amount", "errorCode")
_RECORD_NOTICE = (
    *("transId", "originalId", "transTime", "custCode", "custName", "custAcct"),
    *("amount", "balance", "status.code", "bankTransId", "remark"),
)
_RECORD_ANSWER = (
    *("transId", "originalId", "transTime", "custCode", "custName", "custAcct"),
    *("amount", "status.code"),
)

# What may be repeated to a caller and signed: nothing that could pass for another message's text.
_TRANS_ID = re.compile(r"[A-Za-z0-9._-]{1,50}")
_RECORDS_MAX = 100

# vietinbank-notify-1-0-0#trans-type; D is money that went out.
_INCOME = frozenset({"", "C", "O", "1", "2", "3", "COLLECTION"})
_AT_A_PLACE = frozenset({"1", "COLLECTION"})
_DEBIT = "D"

# vietinbank-y3-1-4-1#codes: the same code stands for an unknown and for a paid bill; 05 says "I have it already".
_ANSWERS = {
    Effect.SETTLED: ("00", "Nhận giao dịch thành công"),
    Effect.REFUND_DUE: ("00", "Nhận giao dịch thành công"),
    Effect.FAILED: ("00", "Nhận giao dịch thành công"),
    Effect.NOTED: ("00", "Nhận giao dịch thành công"),
    Effect.REPEATED: ("05", "Giao dịch đã được ghi nhận"),
    Effect.UNKNOWN_ORDER: ("02", "Mã khách hàng không tồn tại"),
    Effect.FOREIGN: ("02", "Mã khách hàng không tồn tại"),
    Effect.WRONG_AMOUNT: ("03", "Lỗi khi gạch nợ"),
    Effect.BAD_SIGNATURE: ("01", "Không xác thực được chữ ký số"),
    Effect.MALFORMED: ("99", "Lỗi không xác định"),
    Effect.BROKEN: ("99", "Lỗi không xác định"),
}


def _shipped(name: str) -> str:
    return files("fixtures").joinpath("keys", name).read_text(encoding="ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class VietinbankContract:
    """`provider_id` is the biller's number at the bank; keys are PEM texts, the private one the biller's own.

    `file_secret` seals the files of a business day.
    """

    provider_id: str = "9111"
    file_secret: str = "demo-secret"
    private_key_pem: str = field(default_factory=partial(_shipped, "biller_private.pem"))
    bank_public_key_pem: str = field(default_factory=partial(_shipped, "vietinbank_public.pem"))


@dataclass(frozen=True, slots=True)
class Message:
    """A message taken apart. `header` is empty in the flat format, where the one record is the message itself."""

    header: Fields
    records: tuple[Fields, ...]
    signature: str

    @property
    def is_flat(self) -> bool:
        return not self.header


def parse(body: bytes) -> Message:
    """Finds out which format it is. Raises Rejected."""
    fields = json_object(body)
    if "header" not in fields and "data" not in fields:
        return Message({}, (fields,), text(fields, "signature"))
    header = _object(fields.get("header"))
    records = _object(fields.get("data")).get("records")
    if not isinstance(records, list) or not 1 <= len(records) <= _RECORDS_MAX or not header:
        raise Rejected(Effect.MALFORMED, "data.records is no list of records")
    return Message(header, tuple(_record(each, header) for each in records), text(header, "signature"))


def check_inquiry(contract: VietinbankContract, message: Message, flaws: frozenset[Flaw]) -> None:
    """Raises Rejected unless the bank asked this. One bill is asked for at a time."""
    _check_is_read(message, flaws)
    signed = _FLAT_INQUIRY if message.is_flat else _RECORD_INQUIRY
    if Flaw.INQUIRY_UNSIGNED_ANSWERED not in flaws:
        _check_signature(contract, message, signed, flaws)
    if len(message.records) != 1:
        raise Rejected(Effect.MALFORMED, "an inquiry is for one bill")
    record = message.records[0]
    require(record, ("transId", "transTime", "custCode"))
    _check_form(record)
    _check_addressee(contract, message, record, flaws)


def read_notice(contract: VietinbankContract, message: Message, flaws: frozenset[Flaw]) -> list[BankWord]:
    """What each record says, in their order. Raises Rejected, for all of them, if one is not to be believed."""
    _check_is_read(message, flaws)
    _check_signature(contract, message, _FLAT_NOTICE if message.is_flat else _RECORD_NOTICE, flaws)
    return [_read_record(contract, message, record, flaws) for record in message.records]


def answer_inquiry(
    contract: VietinbankContract, message: Message, effect: Effect, dossier: Dossier | None
) -> dict[str, Any]:
    """What is owed when `dossier` is given, else the reason why nothing is (REPEATED = it is not to be paid now)."""
    # vietinbank-y3-1-4-1#codes: a bill that is paid, locked or not wanted any more is 02 as well.
    refusals = _ANSWERS | {Effect.REPEATED: ("02", "Hiện không có khoản phải nộp")}
    code, description = ("00", "Thành công") if dossier else refusals[effect]
    asked = message.records[0]
    record = _echo(asked, ("channelId", "transTime", "transType", "custCode") if effect in _BELIEVED else ())
    if dossier is not None:
        record |= {
            "custName": dossier.applicant,
            "billId": dossier.bill_code,
            "amount": str(dossier.fee_vnd),
            "amountMin": str(dossier.fee_vnd),
            "currencyCode": "VND",
        }
    record |= {"errorCode": code, "errorDesc": description}
    if message.is_flat:
        return _sealed_flat(contract, record, _FLAT_BILL)
    status = {"status": {"code": code, "message": description}, "status.code": code}
    return _sealed_records(contract, message, "1110", code, description, [record | status], _RECORD_BILL, "")


def answer_notice(contract: VietinbankContract, message: Message, effects: list[Effect]) -> dict[str, Any]:
    """One effect a record; the whole is as good as its worst record."""
    codes = [_ANSWERS[effect] for effect in effects]
    code, description = next((each for each in codes if each[0] not in ("00", "05")), codes[0])
    if message.is_flat:
        record = _echo(message.records[0], ()) | {"errorCode": code, "errorDesc": description}
        return _sealed_flat(contract, record, _FLAT_ANSWER)
    names = ("originalId", "transTime", "custCode", "custName", "custAcct", "amount")
    records = [
        _echo(asked, names if effect in _BELIEVED else ())
        | {"status": {"code": each[0], "message": each[1]}, "status.code": each[0]}
        for asked, effect, each in zip(message.records, effects, codes, strict=True)
    ]
    return _sealed_records(contract, message, "1210", code, description, records, _RECORD_ANSWER, code)


def answer_unread(contract: VietinbankContract, effect: Effect) -> dict[str, Any]:
    """To what was no message at all, or could not be worked off."""
    return answer_notice(contract, Message({}, ({},), ""), [effect])


_BELIEVED = frozenset(Effect) - {Effect.BAD_SIGNATURE, Effect.MALFORMED, Effect.BROKEN}


def _read_record(contract: VietinbankContract, message: Message, record: Fields, flaws: frozenset[Flaw]) -> BankWord:
    require(record, ("transId", "transTime", "custCode", "amount"))
    _check_form(record)
    _check_addressee(contract, message, record, flaws)
    # vietinbank-y3-1-4-1#counter: cash at a counter has no bankTransId.
    if Flaw.BILL_NOTICE_NEEDS_BANK_REF in flaws:
        require(record, ("bankTransId",))
    # vietinbank-notify-1-0-0#currency: outside the signature, and only dong are collected.
    if text(record, "currencyCode") not in ("", "VND") and Flaw.CURRENCY_NOT_COMPARED not in flaws:
        raise Rejected(Effect.WRONG_AMOUNT, "another currency", text(record, "custCode"))
    return BankWord(
        bank=BANK,
        order_ref=text(record, "custCode"),
        money_ref=text(record, "transId"),
        amount_vnd=whole_amount(text(record, "amount"), flaws),
        outcome=_outcome(record, flaws),
        bank_ref=text(record, "bankTransId"),
        code=f"{text(record, 'transType')}/{text(record, 'status.code')}",
        paid_at=text(record, "transTime"),
    )


def _outcome(record: Fields, flaws: frozenset[Flaw]) -> Outcome:
    kind = text(record, "transType")
    if text(record, "status.code") not in ("", "00"):
        return Outcome.FAILED
    if kind in _AT_A_PLACE and Flaw.BILL_BY_TRANSFER_ONLY in flaws:
        return Outcome.UNKNOWN
    if kind in _INCOME or (kind == _DEBIT and Flaw.BILL_DEBIT_IS_INCOME in flaws):
        return Outcome.PAID
    return Outcome.UNKNOWN


def _check_is_read(message: Message, flaws: frozenset[Flaw]) -> None:
    if Flaw.BILL_RECORDS_NOT_READ in flaws and not message.is_flat:
        raise Rejected(Effect.MALFORMED, "records are not read any more")


def _check_signature(
    contract: VietinbankContract, message: Message, names: tuple[str, ...], flaws: frozenset[Flaw]
) -> None:
    signed = "".join(_joined(record, names) for record in message.records)
    if not rsa_is_right(contract.bank_public_key_pem, signed, message.signature, flaws):
        claimed = text(message.records[0], "custCode")
        raise Rejected(Effect.BAD_SIGNATURE, "the signature is not the bank's", claimed)


def _check_form(record: Fields) -> None:
    """Without separators a digit may have wandered from one value into its neighbour under the same signature."""
    if _TRANS_ID.fullmatch(text(record, "transId")) is None:
        raise Rejected(Effect.MALFORMED, "transId has other signs than letters and digits")
    if not is_compact(text(record, "transTime")):
        raise Rejected(Effect.MALFORMED, "transTime is no time")


def _check_addressee(contract: VietinbankContract, message: Message, record: Fields, flaws: frozenset[Flaw]) -> None:
    addressee = text(record if message.is_flat else message.header, "providerId")
    if addressee != contract.provider_id and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "providerId is another biller's", text(record, "custCode"))


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _record(value: object, header: Fields) -> Fields:
    """One record, its status flattened to "status.code"; a channelId that stands in the header alone is taken over."""
    if not isinstance(value, dict):
        raise Rejected(Effect.MALFORMED, "a record is no object")
    flattened = {"status.code": text(_object(value.get("status")), "code")}
    return {"channelId": header.get("channelId")} | value | flattened


def _joined(record: Fields, names: tuple[str, ...]) -> str:
    return "".join(text(record, name) for name in names)


def _echo(asked: Fields, names: tuple[str, ...]) -> dict[str, Any]:
    """What of the bank's message stands in the answer: always its number, if that can be nothing else."""
    trans_id = text_or_nothing(asked, "transId")
    number = trans_id if _TRANS_ID.fullmatch(trans_id) else ""
    return {"transId": number} | {name: text(asked, name) for name in names}


def _sealed_flat(contract: VietinbankContract, record: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    signature = rsa_sign(contract.private_key_pem, _joined(record, names))
    return {"providerId": contract.provider_id, **record, "signature": signature}


def _sealed_records(
    contract: VietinbankContract,
    message: Message,
    kind: str,
    code: str,
    description: str,
    records: list[dict[str, Any]],
    names: tuple[str, ...],
    before: str,
) -> dict[str, Any]:
    """`before` = what is signed ahead of the records."""
    signed = before + "".join(_joined(record, names) for record in records)
    names_repeated = ("msgId", "channelId", "productId", "timestamp")
    repeated = {name: text_or_nothing(message.header, name) for name in names_repeated}
    header: Mapping[str, str] = {
        **repeated,
        "msgType": kind,
        "providerId": contract.provider_id,
        "recordNum": str(len(records)),
        "errorCode": code,
        "errorDesc": description,
        "signature": rsa_sign(contract.private_key_pem, signed),
    }
    shown = [{name: value for name, value in record.items() if name != "status.code"} for record in records]
    return {"header": dict(header), "data": {"records": shown}}
