"""VNPAY PAY 2.1.0 from the merchant's side: the pay address, the callback and its acknowledgement.

Rule: the wire counts dong times one hundred and tells time in GMT+7; success needs both codes to say so.
"""

from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_plus, urlencode

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Effect, Outcome, Rejected
from conformance.targets.portal.moments import compact, order_time
from conformance.targets.portal.protocols.fields import NO_AMOUNT, Fields, require, text, whole_amount
from conformance.targets.portal.protocols.seals import hmac_sha512, is_right, outdated_mac
from conformance.targets.portal.wording import plain

BANK = "vnpay"
PAY_PATH = "/vnpay/paymentv2/vpcpay.html"

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
FAILED_STATUS = "02"
# vnpay-pay-2-1-0#codes: the payer was not debited. 07 is missing here: debited, and held for a fraud check.
_FAILURES = frozenset({"09", "10", "11", "12", "13", "24", "51", "65", "75", "79", "99"})
_SUSPECTED = "07"
_REVERSED_STATUS = "04"

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


@dataclass(frozen=True, slots=True, kw_only=True)
class VnpayContract:
    tmn_code: str = "DEMOV210"
    secret: str = "SIMULATORSECRETKEY0123456789ABCD"


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
    fields = {
        "vnp_Version": "2.1.0",
        "vnp_Command": command,
        "vnp_TmnCode": contract.tmn_code,
        "vnp_Amount": str(attempt.amount_vnd * (1 if Flaw.HUNDRED_FORGOTTEN in flaws else 100)),
        "vnp_CreateDate": order_time(attempt.ordered_at, flaws),
        # Right even with the defect: an order that has expired is taken by nobody, and would show nothing more.
        "vnp_ExpireDate": compact(attempt.expires_at),
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
    if Flaw.REFERENCE_READ_AS_NUMBER in flaws:
        int(fields["vnp_TxnRef"], 36)
    response, status = fields["vnp_ResponseCode"], fields["vnp_TransactionStatus"]
    return BankWord(
        bank=BANK,
        order_ref=fields["vnp_TxnRef"],
        money_ref=fields["vnp_TxnRef"],
        amount_vnd=dong_of(fields["vnp_Amount"], flaws),
        outcome=_outcome(response, status, flaws),
        bank_ref=fields.get("vnp_TransactionNo", ""),
        code=f"{response}/{status}",
        paid_at=fields.get("vnp_PayDate", ""),
    )


def acknowledge(effect: Effect, hint: str) -> dict[str, str]:
    code, message = _ACKNOWLEDGEMENTS[effect]
    return {"RspCode": code, "Message": f"{message} {hint}".strip()}


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
    candidates = [_joined(signed), _joined(banks), _joined(_rewritten(banks))]
    if Flaw.FIELDS_RUN_TOGETHER in flaws:
        candidates.append(_joined(_run_together(banks)))
    if Flaw.FIELDS_AS_THEY_CAME in flaws:
        candidates = [_joined([pair for pair in pairs if unquote_plus(pair[0]) not in _UNSIGNED])]
    if Flaw.DIVIDED_BEFORE_CHECK in flaws:
        candidates = [_joined([(name, _divided(name, value)) for name, value in banks])]
    expected = [hmac_sha512(contract.secret, candidate) for candidate in candidates]
    if Flaw.OTHER_ALGORITHM_ACCEPTED in flaws:
        expected += [outdated_mac(contract.secret, candidate) for candidate in candidates]
    if not any(is_right(given, each, flaws) for each in expected):
        hint = expected[1] if Flaw.SIGNATURE_ORACLE in flaws else ""
        raise Rejected(Effect.BAD_SIGNATURE, "vnp_SecureHash is wrong", fields.get("vnp_TxnRef", ""), hint)


def _run_together(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the defect signs: values in which "&" and "=" are left as they are."""
    return [(name, quote_plus(unquote_plus(value), safe="&=")) for name, value in pairs]


def _divided(name: str, value: str) -> str:
    """What the defect signs: the amount in dong, as the rest of the portal has it."""
    return value.removesuffix("00") if name == "vnp_Amount" else value


def _joined(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def _rewritten(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """In the encoding of the document's samples, without empty values."""
    plain_pairs = [(unquote_plus(name), unquote_plus(value)) for name, value in pairs]
    return [(quote_plus(name), quote_plus(value)) for name, value in sorted(plain_pairs) if value]


def dong_of(wire_amount: str, flaws: frozenset[Flaw]) -> int:
    """Whole dong, NO_AMOUNT for a fraction of one and for what is no number."""
    hundredths = whole_amount(wire_amount, flaws & {Flaw.AMOUNT_READ_LOOSELY})
    dong, rest = divmod(hundredths, 100)
    return whole_amount(str(dong), flaws) if rest == 0 else NO_AMOUNT


def _outcome(response: str, status: str, flaws: frozenset[Flaw]) -> Outcome:
    if Flaw.RESPONSE_CODE_ONLY in flaws:
        status = SUCCESS if response == SUCCESS else FAILED_STATUS
    if Flaw.RESULT_IGNORED in flaws:
        return Outcome.PAID
    if Flaw.EITHER_CODE in flaws and SUCCESS in (response, status):
        return Outcome.PAID
    if Flaw.SUSPECTED_IS_PAID in flaws and (response == _SUSPECTED or status in (_SUSPECTED, _REVERSED_STATUS)):
        return Outcome.PAID
    if Flaw.UNKNOWN_CODE_IS_SUCCESS in flaws and response not in _FAILURES | {_SUSPECTED, SUCCESS}:
        return Outcome.PAID
    if response == SUCCESS and status == SUCCESS:
        return Outcome.PAID
    # vnpay-pay-2-1-0#codes: 01 is not completed, 04 debited and given back, 07 held: none of them is the end.
    if response in _FAILURES and status == FAILED_STATUS:
        return Outcome.FAILED
    return Outcome.FAILED if Flaw.UNKNOWN_CODE_IS_FAILURE in flaws else Outcome.UNKNOWN
