"""VNPAY's interface for merchants' servers: querydr and refund, with values joined by "|" and signed.

Rule: an answer is read only once its signature, its command and its order are the right ones; and 00 says that the
question was answered, not that the payment was made.
"""

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Effect, NoSuchOrder, Outcome, Rejected
from conformance.targets.portal.moments import compact, order_time
from conformance.targets.portal.protocols.fields import Fields, text
from conformance.targets.portal.protocols.seals import hmac_sha512, is_right
from conformance.targets.portal.protocols.vnpay import BANK, FAILED_STATUS, SUCCESS, VnpayContract, dong_of

API_PATH = "/vnpay/merchant_webapi/api/transaction"

# vnpay-querydr-refund#codes
_NOT_FOUND = "91"
# vnpay-querydr-refund#codes: in work or without an answer, so it may have been done.
_REFUND_KNOWN = "94"
_REFUND_UNCERTAIN = frozenset({_REFUND_KNOWN, "98", "99"})
# vnpay-pay-2-1-0#transaction-status: 05 and 06 are on their way.
_REFUND_ENDS = {SUCCESS: True, "09": False}

_QUERY_ANSWER = (
    *("vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode", "vnp_TxnRef"),
    *("vnp_Amount", "vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType"),
    *("vnp_TransactionStatus", "vnp_OrderInfo", "vnp_PromotionCode", "vnp_PromotionAmount"),
)
_REFUND_ANSWER = _QUERY_ANSWER[:13]
_QUERY_ASKED = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_TransactionDate"),
    *("vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
_REFUND_ASKED = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TransactionType", "vnp_TxnRef"),
    *("vnp_Amount", "vnp_TransactionNo", "vnp_TransactionDate", "vnp_CreateBy", "vnp_CreateDate"),
    *("vnp_IpAddr", "vnp_OrderInfo"),
)


def query_request(
    contract: VnpayContract, attempt: Attempt, number: str, now: str, flaws: frozenset[Flaw]
) -> dict[str, str]:
    """querydr. `number` is fresh for every request, `now` is yyyyMMddHHmmss."""
    fields = {
        "vnp_RequestId": attempt.order_ref if Flaw.QUERY_NUMBER_REUSED in flaws else number,
        "vnp_Version": "2.1.0",
        "vnp_Command": "querydr",
        "vnp_TmnCode": contract.tmn_code,
        "vnp_TxnRef": attempt.order_ref,
        "vnp_OrderInfo": f"Truy van giao dich {attempt.order_ref}",
        # vnpay-querydr-refund#request: the order's own vnp_CreateDate, not the query's.
        "vnp_TransactionDate": now if Flaw.QUERY_DATE_IS_NOW in flaws else order_time(attempt.ordered_at, flaws),
        "vnp_CreateDate": now,
        "vnp_IpAddr": "127.0.0.1",
    }
    return _sealed(contract, fields, _QUERY_ASKED)


def read_query(contract: VnpayContract, attempt: Attempt, answer: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """Raises Rejected for an answer that is not to be believed, NoSuchOrder when the bank knows no such order."""
    unsigned = Flaw.UNSIGNED_ANSWER_BELIEVED in flaws and not answer.get("vnp_SecureHash")
    if Flaw.QUERY_ANSWER_UNCHECKED not in flaws and not unsigned:
        _check_answer(contract, attempt, answer, _QUERY_ANSWER, "querydr")
    response = text(answer, "vnp_ResponseCode")
    if response == _NOT_FOUND:
        raise NoSuchOrder
    # vnpay-querydr-refund#codes: 00 says that the query worked; only then is there something about the payment.
    worked = response == SUCCESS
    return BankWord(
        bank=BANK,
        order_ref=attempt.order_ref,
        money_ref=attempt.order_ref,
        amount_vnd=_asked_amount(attempt, answer, worked, flaws),
        outcome=_asked_outcome(answer, flaws) if worked else Outcome.UNKNOWN,
        bank_ref=text(answer, "vnp_TransactionNo"),
        code=f"{response}/{text(answer, 'vnp_TransactionStatus')}",
        paid_at=text(answer, "vnp_PayDate"),
    )


def refund_request(
    contract: VnpayContract, attempt: Attempt, number: str, amount_vnd: int, whole: bool, now: str
) -> dict[str, str]:
    """`whole` = all that was paid, in one go. `number` is fresh for every request."""
    fields = {
        "vnp_RequestId": number,
        "vnp_Version": "2.1.0",
        "vnp_Command": "refund",
        "vnp_TmnCode": contract.tmn_code,
        "vnp_TransactionType": "02" if whole else "03",
        "vnp_TxnRef": attempt.order_ref,
        "vnp_Amount": str(amount_vnd * 100),
        "vnp_TransactionNo": "",
        "vnp_TransactionDate": compact(attempt.ordered_at),
        "vnp_CreateBy": "portal",
        "vnp_CreateDate": now,
        "vnp_IpAddr": "127.0.0.1",
        "vnp_OrderInfo": f"Hoan tien giao dich {attempt.order_ref}",
    }
    return _sealed(contract, fields, _REFUND_ASKED)


def read_refund(contract: VnpayContract, attempt: Attempt, amount_vnd: int, answer: Fields) -> bool | None:
    """Whether the bank gives the money back; None when that is not certain. Raises Rejected if not believed."""
    _check_answer(contract, attempt, answer, _REFUND_ANSWER, "refund")
    response = text(answer, "vnp_ResponseCode")
    if response in _REFUND_UNCERTAIN:
        return None
    if response == SUCCESS and dong_of(text(answer, "vnp_Amount"), frozenset()) != amount_vnd:
        raise Rejected(Effect.WRONG_AMOUNT, "the answer is about another amount")
    return _REFUND_ENDS.get(text(answer, "vnp_TransactionStatus")) if response == SUCCESS else False


def is_known(answer: Fields) -> bool:
    """Whether the bank has had this very request before: only a question tells what became of it."""
    return text(answer, "vnp_ResponseCode") == _REFUND_KNOWN


def read_refund_query(contract: VnpayContract, attempt: Attempt, answer: Fields) -> bool | None:
    """What querydr says of the newest refund; None when it is not certain. Raises Rejected if not believed."""
    _check_answer(contract, attempt, answer, _QUERY_ANSWER, "querydr")
    worked = text(answer, "vnp_ResponseCode") == SUCCESS
    # vnpay-querydr-refund#codes: type 01 is a payment; 02 and 03 are its refunds.
    if not worked or text(answer, "vnp_TransactionType") not in ("02", "03"):
        return None
    return _REFUND_ENDS.get(text(answer, "vnp_TransactionStatus"))


def _asked_outcome(answer: Fields, flaws: frozenset[Flaw]) -> Outcome:
    status = text(answer, "vnp_TransactionStatus")
    if Flaw.QUERY_WORKED_IS_PAID in flaws:
        return Outcome.PAID
    # vnpay-querydr-refund#codes: type 01 is a payment; 02 and 03 are its refunds.
    if status == SUCCESS and text(answer, "vnp_TransactionType") in ("", "01"):
        return Outcome.PAID
    if status == FAILED_STATUS or Flaw.QUERY_PENDING_IS_FAILURE in flaws:
        return Outcome.FAILED
    return Outcome.UNKNOWN


def _asked_amount(attempt: Attempt, answer: Fields, worked: bool, flaws: frozenset[Flaw]) -> int:
    """What the answer says; an answer without news of the payment says nothing of its amount."""
    if not worked or Flaw.QUERY_ANSWER_UNCHECKED in flaws:
        return attempt.amount_vnd
    return dong_of(text(answer, "vnp_Amount"), frozenset())


def _sealed(contract: VnpayContract, fields: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    signed = "|".join(fields[name] for name in names)
    return fields | {"vnp_SecureHash": hmac_sha512(contract.secret, signed)}


def _check_answer(
    contract: VnpayContract, attempt: Attempt, answer: Fields, names: tuple[str, ...], command: str
) -> None:
    # vnpay-querydr-refund#signature: what is absent counts as empty.
    expected = hmac_sha512(contract.secret, "|".join(text(answer, name) for name in names))
    if not is_right(text(answer, "vnp_SecureHash"), expected, frozenset()):
        raise Rejected(Effect.BAD_SIGNATURE, "the answer's vnp_SecureHash is wrong")
    if text(answer, "vnp_Command") != command:
        raise Rejected(Effect.FOREIGN, f"the answer is to another question than {command}")
    if text(answer, "vnp_TmnCode") != contract.tmn_code or text(answer, "vnp_TxnRef") != attempt.order_ref:
        raise Rejected(Effect.FOREIGN, "the answer is about another order")
