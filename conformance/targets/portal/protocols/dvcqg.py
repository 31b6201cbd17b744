"""The national payment platform from the portal's side: INIT, CONFIRM, QUERY and GET_BILL.

Rule: a digest is a plain SHA-256 over values joined by "|", the secret last; of values with a "|" of their own
only the free text is believed, for all others have a form without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Attempt, BankWord, Dossier, Effect, Outcome, Rejected
from conformance.targets.portal.moments import compact, order_time
from conformance.targets.portal.protocols.dvcqg_fees import receipt_details
from conformance.targets.portal.protocols.fields import Fields, json_object, require, text, whole_amount
from conformance.targets.portal.protocols.seals import is_right, outdated_mac, sha256
from conformance.targets.portal.services import Service
from conformance.targets.portal.wording import plain

BANK = "dvcqg"
INIT_PATH = "/dvcqg/payment/init"
QUERY_PATH = "/dvcqg/payment/query"
BILL_PATH = "/dvcqg/payment/bill"

METHODS = ("redirect", "internet_banking", "qr", "card", "mobile")

_VERSION = "1.0.6"
SUCCESS = "00"
_OTHER_ERROR = "99"

# dvcqg-td#init
_INIT = (
    *("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan"),
    *("MaKenhThanhToan", "MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich"),
    *("ThoiGianGD", "Ip"),
)
# dvcqg-td#confirm
_CONFIRM = (
    *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich"),
    *("MaNganHang", "ThoiGianGD", "ThongTinGiaoDich"),
)
# dvcqg-td#query
_ASK = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
_ACKNOWLEDGE = ("MaLoi", "MoTaLoi", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
_REQUIRED = ("MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe")
_OPTIONAL = ("MaHoSo",)
_FREE_TEXT = "ThongTinGiaoDich"

# dvcqg-td#query: 1 done, 3 not known to the platform itself, 4 failed.
_DONE, _FAILED = "1", "4"

# dvcqg-td#acknowledgement: only these two codes are known.
_ACKNOWLEDGEMENTS = {
    Effect.SETTLED: ("00", "Thành công"),
    Effect.REFUND_DUE: ("00", "Thành công"),
    Effect.FAILED: ("00", "Thành công"),
    Effect.NOTED: ("00", "Thành công"),
    Effect.REPEATED: ("00", "Thành công"),
    Effect.UNKNOWN_ORDER: ("99", "Không tìm thấy mã tham chiếu"),
    Effect.FOREIGN: ("99", "Sai mã đối tác hoặc mã tiền tệ"),
    Effect.WRONG_AMOUNT: ("99", "Sai số tiền"),
    Effect.BAD_SIGNATURE: ("99", "Sai mã xác thực"),
    Effect.MALFORMED: ("99", "Sai định dạng"),
    Effect.BROKEN: ("99", "Các lỗi khác"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DvcqgContract:
    partner_code: str = "DEMO"
    secret: str = "demo-secret"


def init_request(
    contract: DvcqgContract,
    attempt: Attempt,
    dossier: Dossier,
    service: Service,
    locale: str,
    flaws: frozenset[Flaw],
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "LoaiBanTin": "INIT",
        "PhienBan": _VERSION,
        "MaDoiTac": contract.partner_code,
        "MaThamChieu": attempt.order_ref,
        "SoTien": str(attempt.amount_vnd),
        "LoaiHinhThanhToan": "PAY",
        "MaKenhThanhToan": "1",
        "MaThietBi": "1",
        "NgonNgu": "en-US" if locale == "en" else "vi-VN",
        "MaTienTe": "VND",
        "MaNganHang": "PAYMENT",
        "ThongTinGiaoDich": f"THANH TOAN HO SO {plain(dossier.dossier_code)}"[:200],
        "ThoiGianGD": order_time(attempt.ordered_at, flaws),
        "Ip": attempt.client_ip,
    }
    return _sealed(contract, fields, _INIT) | {"ThongTinBienLai": receipt_details(dossier, service, attempt.amount_vnd)}


def read_init(answer: Fields) -> str:
    """Where the payer goes on, in either style of reply. Raises Rejected."""
    if "error_code" in answer:
        # dvcqg-td#lgsp: the province's bus wraps the platform's answer as text.
        if text(answer, "error_code") != "0":
            raise Rejected(Effect.FAILED, "the platform refused to start a payment")
        answer = json_object(text(answer, "message").encode())
    elif text(answer, "MaLoi") != SUCCESS:
        raise Rejected(Effect.FAILED, f"the platform refused to start a payment: MaLoi {text(answer, 'MaLoi')}")
    return _web_address(text(answer, "UrlThanhToan"), "UrlThanhToan")


def read_confirm(contract: DvcqgContract, fields: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """What CONFIRM says. Raises Rejected."""
    _check_digest(contract, fields, _CONFIRM, flaws)
    require(fields, _REQUIRED)
    if Flaw.OPTIONAL_FIELD_REQUIRED in flaws:
        require(fields, _OPTIONAL)
    order_ref = text(fields, "MaThamChieu")
    _check_addressee(contract, fields, order_ref, flaws)
    return BankWord(
        bank=BANK,
        order_ref=order_ref,
        money_ref=order_ref,
        amount_vnd=whole_amount(text(fields, "SoTien"), flaws),
        outcome=_confirmed(text(fields, "MaLoi"), flaws),
        bank_ref=text(fields, "MaGiaoDich"),
        code=text(fields, "MaLoi"),
        paid_at=text(fields, "ThoiGianGD"),
    )


def acknowledge(
    contract: DvcqgContract, fields: Fields, effect: Effect, now: str, hint: str, flaws: frozenset[Flaw]
) -> dict[str, str]:
    """The portal's own code and digest. Nothing of a message that was not believed is repeated."""
    code, description = _ACKNOWLEDGEMENTS[effect]
    answer = {
        "MaLoi": code,
        "MoTaLoi": f"{description} {hint}".strip(),
        "MaDoiTac": contract.partner_code,
        "MaThamChieu": "",
        "ThoiGianGD": now,
        "MaXacThuc": "",
    }
    if effect in (Effect.BAD_SIGNATURE, Effect.MALFORMED, Effect.BROKEN):
        return answer
    answer["MaThamChieu"] = text(fields, "MaThamChieu")
    if Flaw.ACK_ECHOES_CALLER in flaws:
        return answer | {"MaLoi": text(fields, "MaLoi"), "MaXacThuc": text(fields, "MaXacThuc")}
    return _sealed(contract, answer, _ACKNOWLEDGE)


def query_request(contract: DvcqgContract, attempt: Attempt, now: str, flaws: frozenset[Flaw]) -> dict[str, str]:
    """`now` is used only by the defect that mistakes the query's time for the order's."""
    mistaken = Flaw.QUERY_DATE_IS_NOW in flaws
    return _ask(contract, "QUERY", attempt, now if mistaken else order_time(attempt.ordered_at, flaws))


def read_query(contract: DvcqgContract, attempt: Attempt, answer: Fields, flaws: frozenset[Flaw]) -> BankWord:
    """Raises Rejected for an answer without news, or with news that are not to be believed."""
    # dvcqg-td#query: MaLoi 00 says that the query worked; only then does TrangThaiGD say what became of the payment.
    if text(answer, "MaLoi") != SUCCESS:
        raise Rejected(Effect.NOTED, f"the query did not work: MaLoi {text(answer, 'MaLoi')}")
    amount_vnd = attempt.amount_vnd
    if Flaw.QUERY_ANSWER_UNCHECKED not in flaws:
        # No document tells how answers are signed; by the rule of CONFIRM, with the state at the end.
        _check_digest(contract, answer, (*_CONFIRM, "TrangThaiGD"), frozenset())
        _check_addressee(contract, answer, attempt.order_ref, frozenset())
        if text(answer, "MaThamChieu") != attempt.order_ref:
            raise Rejected(Effect.FOREIGN, "the answer is about another order")
        amount_vnd = whole_amount(text(answer, "SoTien"), frozenset())
    return BankWord(
        bank=BANK,
        order_ref=attempt.order_ref,
        money_ref=attempt.order_ref,
        amount_vnd=amount_vnd,
        outcome=_asked(text(answer, "TrangThaiGD"), flaws),
        bank_ref=text(answer, "MaGiaoDich"),
        code=f"{SUCCESS}/{text(answer, 'TrangThaiGD')}",
        paid_at=text(answer, "ThoiGianGD"),
    )


def bill_request(contract: DvcqgContract, attempt: Attempt) -> dict[str, str]:
    """GET_BILL: the platform's own receipt."""
    return _ask(contract, "GET_BILL", attempt, compact(attempt.ordered_at))


def read_bill(answer: Fields) -> str:
    """The address of the platform's receipt. Raises Rejected."""
    if text(answer, "MaLoi") != SUCCESS:
        raise Rejected(Effect.FAILED, f"the platform has no receipt: MaLoi {text(answer, 'MaLoi')}")
    return _web_address(text(answer, "UrlBienLai"), "UrlBienLai")


def _confirmed(code: str, flaws: frozenset[Flaw]) -> Outcome:
    if code == SUCCESS or Flaw.RESULT_IGNORED in flaws:
        return Outcome.PAID
    if code == _OTHER_ERROR:
        return Outcome.FAILED
    # Codes that nobody documented: the platform is asked by QUERY, whose TrangThaiGD is documented.
    return Outcome.PAID if Flaw.UNKNOWN_CODE_IS_SUCCESS in flaws else Outcome.UNKNOWN


def _asked(state: str, flaws: frozenset[Flaw]) -> Outcome:
    if state == _DONE or Flaw.QUERY_WORKED_IS_PAID in flaws:
        return Outcome.PAID
    if state == _FAILED or Flaw.QUERY_PENDING_IS_FAILURE in flaws:
        return Outcome.FAILED
    return Outcome.UNKNOWN


def _ask(contract: DvcqgContract, kind: str, attempt: Attempt, ordered_at: str) -> dict[str, str]:
    fields = {
        "LoaiBanTin": kind,
        "PhienBan": _VERSION,
        "MaDoiTac": contract.partner_code,
        "MaThamChieu": attempt.order_ref,
        # dvcqg-td#query: the time of the order, not of the question.
        "ThoiGianGD": ordered_at,
    }
    return _sealed(contract, fields, _ASK)


def _sealed(contract: DvcqgContract, fields: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    signed = "|".join([*(fields[name] for name in names), contract.secret])
    return fields | {"MaXacThuc": sha256(signed)}


def _check_digest(contract: DvcqgContract, fields: Fields, names: tuple[str, ...], flaws: frozenset[Flaw]) -> None:
    values = {name: text(fields, name) for name in names}
    expected = sha256("|".join([*values.values(), contract.secret]))
    # Values are not escaped: a "|" in one of them might be the border between two others.
    ambiguous = any("|" in value for name, value in values.items() if name != _FREE_TEXT)
    given = text(fields, "MaXacThuc")
    if Flaw.FIELDS_RUN_TOGETHER in flaws:
        ambiguous, expected = False, sha256("|".join(filter(None, [*values.values(), contract.secret])))
    outdated = Flaw.OTHER_ALGORITHM_ACCEPTED in flaws and given == outdated_mac(
        contract.secret, "|".join(values.values())
    )
    if ambiguous or not (outdated or is_right(given, expected, flaws)):
        hint = expected if Flaw.SIGNATURE_ORACLE in flaws else ""
        raise Rejected(Effect.BAD_SIGNATURE, "MaXacThuc is wrong", text(fields, "MaThamChieu"), hint)


def _check_addressee(contract: DvcqgContract, fields: Fields, order_ref: str, flaws: frozenset[Flaw]) -> None:
    if text(fields, "MaDoiTac") != contract.partner_code and Flaw.MERCHANT_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "MaDoiTac is another partner's", order_ref)
    if text(fields, "MaTienTe") != "VND" and Flaw.CURRENCY_NOT_COMPARED not in flaws:
        raise Rejected(Effect.FOREIGN, "another currency", order_ref)


def _web_address(address: str, name: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise Rejected(Effect.MALFORMED, f"{name} is no web address") from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Rejected(Effect.MALFORMED, f"{name} is no web address")
    return address


def returned_order(parameters: Mapping[str, str]) -> str:
    """The order that the browser comes back from: the third part of `data`; "" if there is none."""
    # dvcqg-opencps-front#return
    parts = parameters.get("data", "").split("_")
    return parts[2] if len(parts) > 2 else ""
