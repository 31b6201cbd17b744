"""VNPAY PAY 2.1.0 from the merchant's side: the pay address, the callback, querydr and refund.

Rule: the wire counts dong times one hundred and tells time in GMT+7; success needs both codes to say so.
"""

from urllib.parse import quote_plus, unquote_plus, urlencode

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Effect, Outcome, Rejected
from conformance.targets.portal.moments import compact
from conformance.targets.portal.protocols.fields import NO_AMOUNT, Fields, require, text, whole_amount
from conformance.targets.portal.protocols.seals import hmac_sha512, is_right
from conformance.targets.portal.settings import VnpayContract
from conformance.targets.portal.wording import plain

BANK = "vnpay"
PAY_PATH = "/vnpay/paymentv2/vpcpay.html"
API_PATH = "/vnpay/merchant_webapi/api/transaction"

# vnpay-pay-2-1-0#request: without a bank code the payer chooses on VNPAY's page.
METHODS = {"redirect": "", "qr": "VNPAYQR", "internet_banking": "VNBANK", "card": "INTCARD", "mobile": ""}

_UNSIGNED = ("vnp_SecureHash", "vnp_SecureHashType")
_REQUIRED = ("vnp_TmnCode", "vnp_Amount", "vnp_TxnRef", "vnp_ResponseCode", "vnp_TransactionStatus")
_OPTIONAL = ("vnp_BankTranNo", "vnp_CardType", "vnp_PayDate")
_DOCUMENTED = frozenset(
    {*_REQUIRED, *_OPTIONAL, "vnp_BankCode", "vnp_OrderInfo", "vnp_TransactionNo", "vnp_SecureHash"}
)

# Our own bound: real codes have less than 300 characters.
_QR_MAX = 512

SUCCESS = "00"
_FAILED_STATUS = "02"
# vnpay-pay-2-1-0#codes: the payer was not debited. 07 is missing here: debited, and held for a fraud check.
_FAILURES = frozenset({"09", "10", "11", "12", "13", "24", "51", "65", "75", "79", "99"})
_SUSPECTED = "07"
_REVERSED_STATUS = "04"

# vnpay-querydr-refund#codes
_NOT_FOUND = "91"
# vnpay-querydr-refund#codes: in work or without an answer, so it may have been done.
_REFUND_UNCERTAIN = frozenset({"94", "98", "99"})
_REFUND_REJECTED_STATUS = "09"

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

# vnpay-pay-2-1-0#ipn: 00 and 02 end the repeats; a recorded failure is acknowledged as received.
_ACKNOWLEDGEMENTS = {
    Effect.SETTLED: ("00", "Confirm Success"),
    Effect.REFUND_DUE: ("00", "Confirm Success"),
    Effect.FAILED: ("00", "Confirm Success"),
    Effect.NOTED: ("00", "Confirm Success"),
    Effect.REPEATED: ("02", "Order already confirmed"),
    Effect.UNKNOWN_ORDER: ("01", "Order not found"),
    Effect.FOREIGN: ("01", "Order not found"),
    Effect.WRONG_AMOUNT: ("04", "Invalid amount"),
    Effect.BAD_SIGNATURE: ("97", "Invalid signature"),
    Effect.MALFORMED: ("99", "Input data required"),
    Effect.BROKEN: ("99", "Unknown error"),
}


class NoSuchOrder(Exception):
    """The bank has never heard of it: the payer did not come that far."""


def pay_url(
    contract: VnpayContract,
    attempt: Attempt,
    *,
    command: str,
    bank_url: str,
    return_url: str,
    description: str,
    locale: str,
    flaws: frozenset[Flaw],
) -> str:
    """Where the payer's browser goes ("pay"), or where the portal gets a QR code to show ("genqr").

    `description` may have any letters, `locale` is "vi" or "en".
    """
    in_utc = Flaw.ORDER_TIME_IN_UTC in flaws
    fields = {
        "vnp_Version": "2.1.0",
        "vnp_Command": command,
        "vnp_TmnCode": contract.tmn_code,
        "vnp_Amount": str(attempt.amount_vnd * (1 if Flaw.HUNDRED_FORGOTTEN in flaws else 100)),
        "vnp_CreateDate": f"{attempt.ordered_at:%Y%m%d%H%M%S}" if in_utc else compact(attempt.ordered_at),
        "vnp_ExpireDate": f"{attempt.expires_at:%Y%m%d%H%M%S}" if in_utc else compact(attempt.expires_at),
        "vnp_CurrCode": "VND",
        "vnp_IpAddr": attempt.client_ip,
        "vnp_Locale": "en" if locale == "en" else "vn",
        "vnp_OrderInfo": (description if Flaw.DIACRITICS_SENT in flaws else plain(description))[:255],
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": return_url,
        "vnp_TxnRef": attempt.order_ref,
    }
    if METHODS[attempt.method]:
        fields["vnp_BankCode"] = METHODS[attempt.method]
    if Flaw.SECRET_IN_URL in flaws:
        fields["vnp_HashSecret"] = contract.secret
    # vnpay-2-1-0-upgrade#signature: sorted by name, form-encoded, and the address carries the very same text.
    signed = urlencode(sorted(fields.items()))
    return f"{bank_url}{PAY_PATH}?{signed}&vnp_SecureHash={hmac_sha512(contract.secret, signed)}"


def read_qr(answer: Fields) -> str:
    """The text of the QR code that genqr gave. Raises Rejected."""
    payload = text(answer, "qrcontent")
    if text(answer, "code") != SUCCESS or not 0 < len(payload) <= _QR_MAX:
        raise Rejected(Effect.FAILED, f"code {text(answer, 'code')}: {text(answer, 'message')}")
    return payload


def read_callback(contract: VnpayContract, query: bytes, flaws: frozenset[Flaw]) -> BankWord:
    """What a callback, or a return, says. Raises Rejected."""
    pairs = _pairs(query)
    fields = {unquote_plus(name): unquote_plus(value) for name, value in pairs}
    _check_signature(contract, pairs, fields, flaws)
    require(fields, _REQUIRED)
    if Flaw.OPTIONAL_FIELD_REQUIRED in flaws:
        require(fields, _OPTIONAL)
    if fields["vnp_TmnCode"] != contract.tmn_code and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "vnp_TmnCode is another merchant's", fields["vnp_TxnRef"])
    response, status = fields["vnp_ResponseCode"], fields["vnp_TransactionStatus"]
    return BankWord(
        bank=BANK,
        order_ref=fields["vnp_TxnRef"],
        money_ref=fields["vnp_TxnRef"],
        amount_vnd=_dong(fields["vnp_Amount"], flaws),
        outcome=_outcome(response, status, flaws),
        bank_ref=fields.get("vnp_TransactionNo", ""),
        code=f"{response}/{status}",
    )


def acknowledge(effect: Effect, hint: str) -> dict[str, str]:
    code, message = _ACKNOWLEDGEMENTS[effect]
    return {"RspCode": code, "Message": f"{message} {hint}".strip()}


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
        "vnp_TransactionDate": now if Flaw.QUERY_DATE_IS_NOW in flaws else compact(attempt.ordered_at),
        "vnp_CreateDate": now,
        "vnp_IpAddr": "127.0.0.1",
    }
    return _sealed(contract, fields, _QUERY_ASKED)


def read_query(contract: VnpayContract, attempt: Attempt, answer: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """Raises Rejected for an answer that is not to be believed, NoSuchOrder when the bank knows no such order."""
    if Flaw.QUERY_ANSWER_UNCHECKED not in flaws:
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
    if response == SUCCESS and _dong(text(answer, "vnp_Amount"), frozenset()) != amount_vnd:
        raise Rejected(Effect.WRONG_AMOUNT, "the answer is about another amount")
    return response == SUCCESS and text(answer, "vnp_TransactionStatus") != _REFUND_REJECTED_STATUS


def _pairs(query: bytes) -> list[tuple[str, str]]:
    """The query's pairs as they came, still encoded. Raises Rejected if a bank's field comes twice."""
    parts = [part.partition("=") for part in query.decode("ascii", "replace").split("&") if part]
    pairs = [(name, value) for name, _, value in parts]
    names = [unquote_plus(name) for name, _ in pairs if _is_banks(name)]
    if len(names) != len(set(names)):
        raise Rejected(Effect.BAD_SIGNATURE, "a field comes twice")
    return pairs


def _is_banks(name: str) -> bool:
    """The bank's own fields; an address may have brought others along, such as utm_source."""
    return unquote_plus(name).startswith("vnp_")


def _check_signature(
    contract: VnpayContract, pairs: list[tuple[str, str]], fields: dict[str, str], flaws: frozenset[Flaw]
) -> None:
    given = fields.get("vnp_SecureHash", "")
    signed = sorted(pair for pair in pairs if unquote_plus(pair[0]) not in _UNSIGNED)
    if Flaw.UNKNOWN_EXTRA_DROPPED in flaws:
        signed = [pair for pair in signed if unquote_plus(pair[0]) in _DOCUMENTED]
    banks = [pair for pair in signed if _is_banks(pair[0])]
    # What was signed is the text as it came; a proxy on the way may have written it in another encoding.
    candidates = (_joined(signed), _joined(banks), _joined(_rewritten(banks)))
    if not any(is_right(given, hmac_sha512(contract.secret, candidate), flaws) for candidate in candidates):
        hint = hmac_sha512(contract.secret, candidates[1]) if Flaw.SIGNATURE_ORACLE in flaws else ""
        raise Rejected(Effect.BAD_SIGNATURE, "vnp_SecureHash is wrong", fields.get("vnp_TxnRef", ""), hint)


def _joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def _rewritten(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """In the encoding of the document's samples, without empty values."""
    plain_pairs = [(unquote_plus(name), unquote_plus(value)) for name, value in pairs]
    return [(quote_plus(name), quote_plus(value)) for name, value in sorted(plain_pairs) if value]


def _dong(wire_amount: str, flaws: frozenset[Flaw]) -> int:
    """Whole dong, NO_AMOUNT for a fraction of one and for what is no number."""
    hundredths = whole_amount(wire_amount, frozenset())
    dong, rest = divmod(hundredths, 100)
    return whole_amount(str(dong), flaws) if rest == 0 else NO_AMOUNT


def _outcome(response: str, status: str, flaws: frozenset[Flaw]) -> Outcome:
    if Flaw.RESPONSE_CODE_ONLY in flaws:
        status = SUCCESS if response == SUCCESS else _FAILED_STATUS
    if Flaw.EITHER_CODE in flaws and SUCCESS in (response, status):
        return Outcome.PAID
    if Flaw.SUSPECTED_IS_PAID in flaws and (response == _SUSPECTED or status in (_SUSPECTED, _REVERSED_STATUS)):
        return Outcome.PAID
    if Flaw.UNKNOWN_CODE_IS_SUCCESS in flaws and response not in _FAILURES | {_SUSPECTED, SUCCESS}:
        return Outcome.PAID
    if response == SUCCESS and status == SUCCESS:
        return Outcome.PAID
    # vnpay-pay-2-1-0#codes: 01 is not completed, 04 debited and given back, 07 held: none of them is the end.
    if response in _FAILURES and status == _FAILED_STATUS:
        return Outcome.FAILED
    return Outcome.FAILED if Flaw.UNKNOWN_CODE_IS_FAILURE in flaws else Outcome.UNKNOWN


def _asked_outcome(answer: Fields, flaws: frozenset[Flaw]) -> Outcome:
    status = text(answer, "vnp_TransactionStatus")
    if Flaw.QUERY_WORKED_IS_PAID in flaws:
        return Outcome.PAID
    # vnpay-querydr-refund#codes: type 01 is a payment; 02 and 03 are its refunds.
    if status == SUCCESS and text(answer, "vnp_TransactionType") in ("", "01"):
        return Outcome.PAID
    if status == _FAILED_STATUS or Flaw.QUERY_PENDING_IS_FAILURE in flaws:
        return Outcome.FAILED
    return Outcome.UNKNOWN


def _asked_amount(attempt: Attempt, answer: Fields, worked: bool, flaws: frozenset[Flaw]) -> int:
    """What the answer says; an answer without news of the payment says nothing of its amount."""
    if not worked or Flaw.QUERY_ANSWER_UNCHECKED in flaws:
        return attempt.amount_vnd
    return _dong(text(answer, "vnp_Amount"), frozenset())


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
