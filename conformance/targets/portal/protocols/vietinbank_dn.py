"""Đà Nẵng's payment gateway at VietinBank from the portal's side: create, notice, query and refund.

Rule: values are signed side by side without a separator, empty ones leave no trace; so each value that is believed is
held to a form of its own, and none can lend a digit to its neighbour.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from urllib.parse import parse_qsl, urlsplit

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier, Effect, NoSuchOrder, Outcome, Rejected
from conformance.targets.portal.moments import compact, is_compact, order_time
from conformance.targets.portal.protocols.fields import Fields, require, text, whole_amount
from conformance.targets.portal.protocols.seals import rsa_is_right, rsa_sign

BANK = "vietinbank_dn"
CREATE_PATH = "/vietinbank_dn/payment/create"
QUERY_PATH = "/vietinbank_dn/payment/query"
REFUND_PATH = "/vietinbank_dn/payment/refund"

# vietinbank-dn-design#pay-methods: without one the payer chooses on the bank's page.
METHODS = {
    "redirect": "",
    "internet_banking": "ACCOUNT",
    "card": "ATM",
    "credit_card": "CREDIT",
    "qr": "QR",
    "counter": "CASH",
}
_CASH = "counter"

# vietinbank-dn-design#messages: what is signed, in this order.
_CREATED = ("requestId", "merchantId", "orderId", "errorCode", "errorDesc", "payUrl", "payCode", "expireTime")
_STANDING = (
    *("amount", "currencyCode", "payMethod", "billCode", "transStatus", "responseCode", "transTime"),
    *("bankTransId", "refundedAmount"),
)
_NOTICE = ("transId", "merchantId", "orderId", *_STANDING)
_RETURN = ("merchantId", "orderId", *_STANDING)
_QUERIED = ("requestId", "merchantId", "orderId", "errorCode", "errorDesc", *_STANDING)
_REFUNDED = (*_QUERIED, "refundTransId", "refundAmount")
_REQUIRED = ("merchantId", "orderId", "amount", "currencyCode", "transStatus")
_OPTIONAL = ("billCode", "bankTransId")

# vietinbank-dn-design#messages, #codes, #pay-methods: how these values look; "" for those that may be missing.
_FORMS = {
    name: re.compile(pattern)
    for name, pattern in {
        "transId": r"[0-9]{20}",
        "payMethod": r"(ACCOUNT|ATM|CREDIT|QR|CASH)?",
        # Ours, or an official dossier code: both end in a fixed number of signs.
        "billCode": r"(H[0-9]{8}[2-9A-Z]{8}|[0-9.]{0,20}H[0-9]{2}[0-9.]{0,10}-[0-9]{6}-[0-9]{4})?",
        "transStatus": r"[0-9]{2}",
        "responseCode": r"([0-9]{2})?",
    }.items()
}

SUCCESS = "00"
# vietinbank-dn-design#trans-status
_PAID = "00"
_ENDED = frozenset({"02", "03", "04"})
_HELD = frozenset({"05", "08"})
# vietinbank-dn-design#response-code: why a payment was not made.
_FAILURES = frozenset({"14", "24", "51", "55", "57", "59", "61", "62", "68", "75", "91", "99"})
# vietinbank-dn-design#codes
_NOT_FOUND = "02"
# A number used before, maintenance, an error: perhaps it was done all the same.
_REFUND_UNCERTAIN = frozenset({"06", "07", "08", "99"})

# vietinbank-dn-design#acknowledgement: 00 and 05 end the repeats.
_ACKNOWLEDGEMENTS = {
    Effect.SETTLED: ("00", "Nhận giao dịch thành công"),
    Effect.REFUND_DUE: ("00", "Nhận giao dịch thành công"),
    Effect.FAILED: ("00", "Nhận giao dịch thành công"),
    Effect.NOTED: ("00", "Nhận giao dịch thành công"),
    Effect.REPEATED: ("05", "Giao dịch đã được ghi nhận"),
    Effect.UNKNOWN_ORDER: ("02", "Không tìm thấy giao dịch"),
    Effect.FOREIGN: ("02", "Không phải giao dịch của đơn vị"),
    Effect.WRONG_AMOUNT: ("04", "Số tiền không hợp lệ"),
    Effect.BAD_SIGNATURE: ("01", "Chữ ký số không hợp lệ"),
    Effect.MALFORMED: ("09", "Sai định dạng thông điệp"),
    Effect.BROKEN: ("99", "Lỗi không xác định"),
}


def _shipped(name: str) -> str:
    return files("fixtures").joinpath("keys", name).read_text(encoding="ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class VietinbankDnContract:
    """`merchant_id` is the portal's number at the bank; keys are PEM texts, the private one the portal's own."""

    merchant_id: str = "DANANG01"
    private_key_pem: str = field(default_factory=partial(_shipped, "biller_private.pem"))
    bank_public_key_pem: str = field(default_factory=partial(_shipped, "vietinbank_public.pem"))


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the payer goes on, and the code that a teller asks for, if the payer brings cash."""

    url: str
    pay_code: str


def create_request(
    contract: VietinbankDnContract,
    attempt: Attempt,
    dossier: Dossier,
    *,
    number: str,
    return_url: str,
    locale: str,
    flaws: frozenset[Flaw],
) -> dict[str, str]:
    """`number` is fresh for every request."""
    fields = {
        "requestId": number,
        "merchantId": contract.merchant_id,
        "orderId": attempt.order_ref,
        "amount": str(attempt.amount_vnd),
        "currencyCode": "VND",
        "payMethod": METHODS[attempt.method],
        "billCode": dossier.bill_code,
        "custName": dossier.applicant,
        "remark": f"Lệ phí hồ sơ {dossier.dossier_code}"[:200],
        "returnUrl": return_url,
        "transTime": order_time(attempt.ordered_at, flaws),
        # vietinbank-dn-design#cash: a payer with cash has days, which the bank counts.
        "expireTime": "" if attempt.method == _CASH else compact(attempt.expires_at),
        "clientIP": attempt.client_ip,
        "language": "en" if locale == "en" else "vi",
    }
    return _sealed(contract, fields)


def read_create(contract: VietinbankDnContract, attempt: Attempt, number: str, answer: Fields) -> Opened:
    """Raises Rejected."""
    _check_answer(contract, answer, _CREATED, number, frozenset())
    if text(answer, "errorCode") != SUCCESS:
        raise Rejected(Effect.FAILED, f"errorCode {text(answer, 'errorCode')}: {text(answer, 'errorDesc')}")
    _check_order(contract, attempt, answer)
    return Opened(_web_address(text(answer, "payUrl")), text(answer, "payCode"))


def read_notice(contract: VietinbankDnContract, fields: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """What a notice says. Raises Rejected."""
    _check_signature(contract, fields, _NOTICE, flaws)
    require(fields, ("transId",))
    return _word(contract, fields, flaws)


def read_return(contract: VietinbankDnContract, query: bytes, flaws: frozenset[Flaw]) -> BankWord:
    """What a browser brings back. Raises Rejected."""
    pairs = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
    known = [pair for pair in pairs if pair[0] in (*_RETURN, "signature")]
    fields = dict(known)
    if len(fields) != len(known):
        raise Rejected(Effect.BAD_SIGNATURE, "a parameter comes twice")
    _check_signature(contract, fields, _RETURN, flaws)
    return _word(contract, fields, flaws)


def acknowledge(contract: VietinbankDnContract, asked: Fields, effect: Effect, hint: str) -> dict[str, str]:
    """Of what was asked only the number is repeated, and only one that can be nothing but a number."""
    code, description = _ACKNOWLEDGEMENTS[effect]
    number = asked.get("transId")
    numbered = isinstance(number, str) and _FORMS["transId"].fullmatch(number) is not None
    fields = {
        "transId": str(number) if numbered else "",
        "errorCode": code,
        "errorDesc": f"{description} {hint}".strip(),
    }
    return _sealed(contract, fields)


def query_number(attempt: Attempt, fresh: str, flaws: frozenset[Flaw]) -> str:
    """`fresh`, but with the defect that takes the order's."""
    # vietinbank-dn-design#duplicates: 07 for a number that was used before.
    return attempt.order_ref if Flaw.QUERY_NUMBER_REUSED in flaws else fresh


def query_request(contract: VietinbankDnContract, attempt: Attempt, number: str, now: str) -> dict[str, str]:
    fields = {
        "requestId": number,
        "merchantId": contract.merchant_id,
        "orderId": attempt.order_ref,
        "transTime": now,
    }
    return _sealed(contract, fields)


def read_query(
    contract: VietinbankDnContract, attempt: Attempt, number: str, answer: Fields, flaws: frozenset[Flaw]
) -> BankWord:
    """Raises Rejected for an answer that is not to be believed, NoSuchOrder when the bank knows no such order."""
    unchecked = Flaw.QUERY_ANSWER_UNCHECKED in flaws
    if not unchecked:
        _check_answer(contract, answer, _QUERIED, number, frozenset())
        _check_order(contract, attempt, answer)
    code = text(answer, "errorCode")
    if code == _NOT_FOUND:
        raise NoSuchOrder
    if code != SUCCESS:
        raise Rejected(Effect.NOTED, f"the query did not work: errorCode {code}")
    if not unchecked:
        _check_forms(answer)
        _check_currency(answer, frozenset())
    return BankWord(
        bank=BANK,
        order_ref=attempt.order_ref,
        money_ref=attempt.order_ref,
        amount_vnd=attempt.amount_vnd if unchecked else whole_amount(text(answer, "amount"), frozenset()),
        outcome=_asked_outcome(answer, flaws),
        bank_ref=text(answer, "bankTransId"),
        code=f"{text(answer, 'responseCode')}/{text(answer, 'transStatus')}",
    )


def refund_request(
    contract: VietinbankDnContract, attempt: Attempt, refund_ref: str, amount_vnd: int, now: str
) -> dict[str, str]:
    fields = {
        "requestId": refund_ref,
        "merchantId": contract.merchant_id,
        "orderId": attempt.order_ref,
        "amount": str(amount_vnd),
        "remark": f"Hoàn lệ phí {attempt.order_ref}",
        "transTime": now,
    }
    return _sealed(contract, fields)


def read_refund(
    contract: VietinbankDnContract, attempt: Attempt, refund_ref: str, amount_vnd: int, answer: Fields
) -> bool | None:
    """Whether the bank gives the money back; None when that is not certain. Raises Rejected if not believed."""
    _check_answer(contract, answer, _REFUNDED, refund_ref, frozenset())
    _check_order(contract, attempt, answer)
    code = text(answer, "errorCode")
    if code in _REFUND_UNCERTAIN:
        return None
    if code == SUCCESS and text(answer, "refundAmount") != str(amount_vnd):
        raise Rejected(Effect.WRONG_AMOUNT, "the answer is about another amount")
    return code == SUCCESS


def _word(contract: VietinbankDnContract, fields: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """What a genuine notice or return says. Raises Rejected."""
    require(fields, _REQUIRED)
    if Flaw.OPTIONAL_FIELD_REQUIRED in flaws:
        require(fields, _OPTIONAL)
    order_ref = text(fields, "orderId")
    _check_forms(fields)
    if text(fields, "merchantId") != contract.merchant_id and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "merchantId is another's", order_ref)
    _check_currency(fields, flaws)
    status, response = text(fields, "transStatus"), text(fields, "responseCode")
    return BankWord(
        bank=BANK,
        order_ref=order_ref,
        money_ref=order_ref,
        amount_vnd=whole_amount(text(fields, "amount"), flaws),
        outcome=_outcome(status, response, flaws),
        bank_ref=text(fields, "bankTransId"),
        code=f"{response}/{status}",
    )


def _outcome(status: str, response: str, flaws: frozenset[Flaw]) -> Outcome:
    if Flaw.RESPONSE_CODE_ONLY in flaws:
        status = _PAID if response == SUCCESS else "02"
    if Flaw.RESULT_IGNORED in flaws or (Flaw.SUSPECTED_IS_PAID in flaws and status in _HELD):
        return Outcome.PAID
    if Flaw.EITHER_CODE in flaws and SUCCESS in (status, response):
        return Outcome.PAID
    if Flaw.UNKNOWN_CODE_IS_SUCCESS in flaws and response not in _FAILURES:
        return Outcome.PAID
    if status == _PAID and response == SUCCESS:
        return Outcome.PAID
    if status in _ENDED and response in _FAILURES:
        return Outcome.FAILED
    # Open, held, reversed, or given back: a fee that went back settles nothing.
    return Outcome.FAILED if Flaw.UNKNOWN_CODE_IS_FAILURE in flaws else Outcome.UNKNOWN


def _asked_outcome(answer: Fields, flaws: frozenset[Flaw]) -> Outcome:
    if Flaw.QUERY_WORKED_IS_PAID in flaws:
        return Outcome.PAID
    found = _outcome(text(answer, "transStatus"), text(answer, "responseCode"), frozenset())
    if found is Outcome.UNKNOWN and Flaw.QUERY_PENDING_IS_FAILURE in flaws:
        return Outcome.FAILED
    return found


def _sealed(contract: VietinbankDnContract, fields: Mapping[str, str]) -> dict[str, str]:
    """What is not empty, signed in the order of the fields."""
    told = {name: value for name, value in fields.items() if value}
    return told | {"signature": rsa_sign(contract.private_key_pem, "".join(told.values()))}


def _check_answer(
    contract: VietinbankDnContract, answer: Fields, names: tuple[str, ...], number: str, flaws: frozenset[Flaw]
) -> None:
    """Raises Rejected unless it is the bank's answer to the question of that number."""
    _check_signature(contract, answer, names, flaws)
    if text(answer, "requestId") != number:
        raise Rejected(Effect.FOREIGN, "the answer is to another question")


def _check_order(contract: VietinbankDnContract, attempt: Attempt, answer: Fields) -> None:
    if [text(answer, name) for name in ("merchantId", "orderId")] != [contract.merchant_id, attempt.order_ref]:
        raise Rejected(Effect.FOREIGN, "the answer is about another order")


def _check_currency(fields: Fields, flaws: frozenset[Flaw]) -> None:
    if text(fields, "currencyCode") != "VND" and Flaw.CURRENCY_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "another currency", text(fields, "orderId"))


def _check_signature(
    contract: VietinbankDnContract, fields: Fields, names: tuple[str, ...], flaws: frozenset[Flaw]
) -> None:
    signed = "".join(text(fields, name) for name in names)
    if not rsa_is_right(contract.bank_public_key_pem, signed, text(fields, "signature"), flaws):
        raise Rejected(Effect.BAD_SIGNATURE, "the signature is not the bank's", text(fields, "orderId"))


def _check_forms(fields: Fields) -> None:
    wrong = [name for name, form in _FORMS.items() if name in fields and form.fullmatch(text(fields, name)) is None]
    if wrong:
        raise Rejected(Effect.MALFORMED, f"{', '.join(wrong)} not in the form that the bank has for it")
    if text(fields, "transTime") and not is_compact(text(fields, "transTime")):
        raise Rejected(Effect.MALFORMED, "transTime is no time")


def _web_address(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise Rejected(Effect.MALFORMED, "payUrl is no web address") from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Rejected(Effect.MALFORMED, "payUrl is no web address")
    return address
