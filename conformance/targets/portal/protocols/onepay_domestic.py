"""OnePay's gateway for domestic cards and accounts from the merchant's side: pay address, callback, return, queryDR.

Rule: the wire counts dong times one hundred; raw values are signed side by side, so a value that looks like one more
field is not believed; and only "0" is money.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Effect, NoSuchOrder, Outcome, Rejected
from conformance.targets.portal.protocols.fields import NO_AMOUNT, require, whole_amount
from conformance.targets.portal.protocols.seals import is_right
from conformance.targets.portal.wording import plain

BANK = "onepay_domestic"
PAY_PATH = "/onepay_domestic/onecomm-pay/vpc.op"
QUERY_PATH = "/onepay_domestic/msp/api/v1/vpc/invoices/queries"

# onepay-clients#fields: nothing in an order says which way is meant; the payer chooses card or account there.
METHODS = ("redirect", "card", "internet_banking")

_UNSIGNED = ("vpc_SecureHash", "vpc_SecureHashType")
_OURS = re.compile(r"(vpc|user)_[A-Za-z0-9_]+", re.ASCII)
_LIKE_A_FIELD = re.compile(r"&(vpc|user)_")
_REQUIRED = ("vpc_Merchant", "vpc_Amount", "vpc_MerchTxnRef", "vpc_TxnResponseCode")
_OPTIONAL = ("vpc_Locale",)
_DOCUMENTED = frozenset(
    {*_REQUIRED, *_OPTIONAL, "vpc_AdditionData", "vpc_Command", "vpc_CurrencyCode", "vpc_Message", "vpc_OrderInfo"}
    | {"vpc_TransactionNo", "vpc_Version"}
)
_FIELDS_MAX = 100
# onepay-clients#fields
_ORDER_INFO_MAX = 32

SUCCESS = "0"
# onepay-clients#codes: 100 is in progress and 300 in doubt; neither is the end.
_OPEN = frozenset({"100", "300"})
_IN_DOUBT = "300"
_FAILURES = frozenset(
    {"1", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "21", "22", "23", "24", "25", "99", "253"}
)

# onepay-guide#ipn: this text ends the repeats; what is answered else is a refusal in any case.
CONFIRMED = "responsecode=1&desc=confirm-success"
REFUSED = "responsecode=0&desc=confirm-fail"
_BOOKED = frozenset({Effect.SETTLED, Effect.REFUND_DUE, Effect.FAILED, Effect.NOTED, Effect.REPEATED})

Words = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnepayContract:
    """`secret` is the key's bytes in hex. Raises ValueError for any other."""

    merchant: str = "ONEPAY"
    access_code: str = "D67342C2"
    secret: str = "A3EFDFABA8653DF2342E8DAC29B51AF0"
    user: str = "op01"
    password: str = "op123456"

    def __post_init__(self) -> None:
        bytes.fromhex(self.secret)


def pay_url(
    contract: OnepayContract,
    attempt: Attempt,
    *,
    bank_url: str,
    return_url: str,
    dossier_url: str,
    description: str,
    locale: str,
    flaws: frozenset[Flaw],
) -> str:
    """Where the payer's browser goes. `description` may have any letters, `locale` is "vi" or "en"."""
    fields = {
        "vpc_Version": "2",
        "vpc_Currency": "VND",
        "vpc_Command": "pay",
        "vpc_AccessCode": contract.access_code,
        "vpc_Merchant": contract.merchant,
        "vpc_Locale": "en" if locale == "en" else "vn",
        "vpc_ReturnURL": return_url,
        "vpc_MerchTxnRef": attempt.order_ref,
        "vpc_OrderInfo": (description if Flaw.DIACRITICS_SENT in flaws else plain(description))[:_ORDER_INFO_MAX],
        "vpc_Amount": str(attempt.amount_vnd * (1 if Flaw.HUNDRED_FORGOTTEN in flaws else 100)),
        "vpc_TicketNo": attempt.client_ip,
    }
    if Flaw.SECRET_IN_URL in flaws:
        fields["vpc_Secret"] = contract.secret
    # onepay-clients#fields: these two are demanded and not signed.
    unsigned = {"AgainLink": dossier_url, "Title": "Nop phi le phi"}
    return f"{bank_url}{PAY_PATH}?{urlencode(_sealed(contract, fields) | unsigned)}"


def read_callback(contract: OnepayContract, encoded: bytes, flaws: frozenset[Flaw]) -> BankWord:
    """What a callback, or a return, says: a query or a form's body. Raises Rejected."""
    fields = _fields(encoded)
    _check_signature(contract, fields, flaws)
    require(fields, _REQUIRED)
    if Flaw.OPTIONAL_FIELD_REQUIRED in flaws:
        require(fields, _OPTIONAL)
    _check_addressee(contract, fields, flaws)
    return _word(fields, dong_of(fields["vpc_Amount"], flaws), _outcome(fields["vpc_TxnResponseCode"], flaws))


def acknowledge(effect: Effect, hint: str) -> str:
    return CONFIRMED if effect in _BOOKED else f"{REFUSED} {hint}".strip()


def query_request(contract: OnepayContract, attempt: Attempt) -> dict[str, str]:
    """queryDR, to be posted as a form."""
    fields = {
        "vpc_Command": "queryDR",
        "vpc_Version": "2",
        "vpc_MerchTxnRef": attempt.order_ref,
        "vpc_Merchant": contract.merchant,
        "vpc_AccessCode": contract.access_code,
        "vpc_User": contract.user,
        "vpc_Password": contract.password,
    }
    return _sealed(contract, fields)


def read_query(contract: OnepayContract, attempt: Attempt, answer: bytes, flaws: frozenset[Flaw]) -> BankWord:
    """Raises Rejected for an answer that is not to be believed, NoSuchOrder when the bank knows no such order."""
    fields = _fields(answer)
    unchecked = Flaw.QUERY_ANSWER_UNCHECKED in flaws
    if not unchecked:
        _check_signature(contract, fields, frozenset())
        _check_addressee(contract, fields, frozenset())
        if fields.get("vpc_MerchTxnRef") != attempt.order_ref:
            raise Rejected(Effect.FOREIGN, "the answer is about another order")
    # onepay-clients#querydr
    if fields.get("vpc_DRExists") == "N":
        raise NoSuchOrder
    if fields.get("vpc_DRExists") != "Y":
        raise Rejected(Effect.MALFORMED, "the answer says neither that there is such an order nor that there is none")
    told = fields | {"vpc_MerchTxnRef": attempt.order_ref}
    amount_vnd = attempt.amount_vnd if unchecked else dong_of(fields.get("vpc_Amount", ""), frozenset())
    return _word(told, amount_vnd, _asked_outcome(fields.get("vpc_TxnResponseCode", ""), flaws))


def dong_of(wire_amount: str, flaws: frozenset[Flaw]) -> int:
    """Whole dong, NO_AMOUNT for a fraction of one and for what is no number."""
    dong, rest = divmod(whole_amount(wire_amount, flaws & {Flaw.AMOUNT_READ_LOOSELY}), 100)
    return whole_amount(str(dong), flaws) if rest == 0 else NO_AMOUNT


def _word(fields: Words, amount_vnd: int, outcome: Outcome) -> BankWord:
    return BankWord(
        bank=BANK,
        order_ref=fields["vpc_MerchTxnRef"],
        money_ref=fields["vpc_MerchTxnRef"],
        amount_vnd=amount_vnd,
        outcome=outcome,
        bank_ref=fields.get("vpc_TransactionNo", ""),
        code=fields.get("vpc_TxnResponseCode", ""),
    )


def _outcome(code: str, flaws: frozenset[Flaw]) -> Outcome:
    if code == SUCCESS or Flaw.RESULT_IGNORED in flaws:
        return Outcome.PAID
    if Flaw.LETTERS_READ_AS_ZERO in flaws and not code.isdigit():
        return Outcome.PAID
    if code == _IN_DOUBT and Flaw.SUSPECTED_IS_PAID in flaws:
        return Outcome.PAID
    if code in _FAILURES:
        return Outcome.FAILED
    if Flaw.UNKNOWN_CODE_IS_SUCCESS in flaws and code not in _OPEN:
        return Outcome.PAID
    return Outcome.FAILED if Flaw.UNKNOWN_CODE_IS_FAILURE in flaws else Outcome.UNKNOWN


def _asked_outcome(code: str, flaws: frozenset[Flaw]) -> Outcome:
    if Flaw.QUERY_WORKED_IS_PAID in flaws:
        return Outcome.PAID
    found = _outcome(code, frozenset())
    return Outcome.FAILED if found is Outcome.UNKNOWN and Flaw.QUERY_PENDING_IS_FAILURE in flaws else found


def _fields(encoded: bytes) -> dict[str, str]:
    """The bank's own fields; an address may have brought others along. Raises Rejected if one comes twice."""
    try:
        pairs = parse_qsl(encoded.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError as error:
        raise Rejected(Effect.MALFORMED, "too many fields") from error
    ours = [pair for pair in pairs if _OURS.fullmatch(pair[0])]
    fields = dict(ours)
    if len(fields) != len(ours):
        raise Rejected(Effect.BAD_SIGNATURE, "a field comes twice")
    return fields


def _check_signature(contract: OnepayContract, fields: Words, flaws: frozenset[Flaw]) -> None:
    claimed, given = fields.get("vpc_MerchTxnRef", ""), fields.get("vpc_SecureHash", "")
    if Flaw.UNKNOWN_EXTRA_DROPPED in flaws:
        fields = {name: value for name, value in fields.items() if name in _DOCUMENTED}
    ambiguous = any(_LIKE_A_FIELD.search(value) for value in fields.values()) and Flaw.FIELDS_RUN_TOGETHER not in flaws
    text = _signed_text(fields)
    if Flaw.FIELDS_AS_THEY_CAME in flaws:
        text = "&".join(f"{name}={value}" for name, value in fields.items() if value and name not in _UNSIGNED)
    expected = _secure_hash(contract, text)
    outdated = Flaw.OTHER_ALGORITHM_ACCEPTED in flaws and given == _outdated_hash(contract, text)
    if ambiguous or not (outdated or is_right(given, expected, flaws)):
        hint = expected if Flaw.SIGNATURE_ORACLE in flaws else ""
        raise Rejected(Effect.BAD_SIGNATURE, "vpc_SecureHash is wrong", claimed, hint)


def _check_addressee(contract: OnepayContract, fields: Words, flaws: frozenset[Flaw]) -> None:
    claimed = fields.get("vpc_MerchTxnRef", "")
    if fields.get("vpc_Merchant") != contract.merchant and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "vpc_Merchant is another's", claimed)
    # onepay-clients#return: which fields come varies; where there is a currency, it is the order's.
    if fields.get("vpc_CurrencyCode", "") not in ("", "VND") and Flaw.CURRENCY_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "another currency", claimed)


def _sealed(contract: OnepayContract, fields: dict[str, str]) -> dict[str, str]:
    return fields | {"vpc_SecureHash": _secure_hash(contract, _signed_text(fields))}


def _signed_text(fields: Words) -> str:
    # onepay-clients#signature: by the names' bytes, raw values, nothing of what is empty.
    signed = sorted((name, value) for name, value in fields.items() if value and name not in _UNSIGNED)
    return "&".join(f"{name}={value}" for name, value in signed)


def _secure_hash(contract: OnepayContract, text: str) -> str:
    """64 upper-case hex digits."""
    return hmac.digest(bytes.fromhex(contract.secret), text.encode(), "sha256").hex().upper()


def _outdated_hash(contract: OnepayContract, text: str) -> str:
    """What the defect takes that still accepts the algorithm of an older version: a plain MD5."""
    return hashlib.md5(f"{contract.secret}{text}".encode()).hexdigest().upper()
