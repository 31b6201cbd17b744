"""The payment platform of the National Public Service Portal (DVCQG): INIT, CONFIRM, QUERY, GET_BILL and fee lookup.

Rule: MaXacThuc is a plain SHA-256 over values joined by "|", the secret last; values are not escaped.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import urlencode

import msgspec

from simulator.clock import compact, parse_compact
from simulator.dialect import (
    Ack,
    Command,
    Create,
    Dialect,
    Endpoint,
    GetReceipt,
    Inquiry,
    Merchants,
    Notice,
    Part,
    Query,
    Question,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Bill, Channel, Merchant, Order, Payment, Reason, Refusal, State
from simulator.receipt import NUMBER_MAX, Receipt, receipt_pdf
from simulator.settlement import treasury
from simulator.signing import same, secret_sha256_hex, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response

Fields = dict[str, object]
Texts = dict[str, str]

ISSUER = "Nền tảng thanh toán trực tuyến, Cổng Dịch vụ công quốc gia (giả lập)"
# dvcqg-td#signature, dvcqg-opencps#signature: two unrelated clients agree on these orders.
INIT_SIGNED = (
    "LoaiBanTin|PhienBan|MaDoiTac|MaThamChieu|SoTien|LoaiHinhThanhToan|MaKenhThanhToan|MaThietBi|NgonNgu|MaTienTe"
    "|MaNganHang|ThongTinGiaoDich|ThoiGianGD|Ip"
)
CONFIRM_SIGNED = (
    "LoaiBanTin|MaLoi|MaDoiTac|MaThamChieu|SoTien|MaTienTe|MaGiaoDich|MaNganHang|ThoiGianGD|ThongTinGiaoDich"
)
ASKED_SIGNED = "LoaiBanTin|PhienBan|MaDoiTac|MaThamChieu|ThoiGianGD"
LENGTHS = {"PhienBan": 50, "MaDoiTac": 50, "MaThamChieu": 255, "ThoiGianGD": 50}

# dvcqg-td#query: 1 success, 3 the platform does not know yet, 4 failed; 2 was never seen.
TRANSACTION_STATES = {
    **dict.fromkeys((State.PENDING, State.SUSPECTED), "3"),
    **dict.fromkeys((State.PAID, State.PARTLY_REFUNDED, State.REFUNDED), "1"),
    **dict.fromkeys((State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED), "4"),
}
# dvcqg-opencps#receipt-info: what must be there for fines (1) and for fees (2).
RECEIPT_NEEDS = {
    "1": ("MaCoQuanQD", "TenCoQuanQD", "SoQD", "NgayQD", "TenNguoiViPham"),
    "2": ("MaDonVi", "TenDonVi", "MaHoSo", "TKThuHuong", "MaNHThuHuong", "TenTKThuHuong"),
}
RECEIPT_KEPT = ("MaHoSo", "TenDonVi", "HoTenNguoiNop", "DiaChiNguoiNop")


def authentication_code(fields: Mapping[str, object], signed: str, secret: str) -> str:
    """MaXacThuc: 64 lower-case hex digits."""
    return secret_sha256_hex("|".join((*(str(fields.get(name, "")) for name in signed.split("|")), secret)).encode())


def decode_init(request: Request, merchants: Merchants) -> Create:
    body, wire, merchant = _opened("INIT", INIT_SIGNED, request, merchants)
    if not re.fullmatch(r"[1-9][0-9]{0,14}", wire["SoTien"]):
        raise Refusal(Reason.INVALID_AMOUNT, f"SoTien {wire['SoTien'][:40]!r}", merchant=merchant, wire=wire)
    if wire["MaTienTe"] != "VND":
        raise Refusal(Reason.INVALID_CURRENCY, wire["MaTienTe"][:40], merchant=merchant, wire=wire)
    info = body.get("ThongTinBienLai")
    order = Order(
        order_ref=wire["MaThamChieu"],
        order_key=wire["MaThamChieu"],
        amount_vnd=int(wire["SoTien"]),
        description=wire["ThongTinGiaoDich"],
        ordered_at=parse_compact(wire["ThoiGianGD"]),
        issuer_code="" if wire["MaNganHang"] == "PAYMENT" else wire["MaNganHang"],
        locale="en" if wire["NgonNgu"].startswith("en") else "vi",
        client_ip=wire["Ip"],
        wire={name: wire[name] for name in ("ThoiGianGD", "MaNganHang")} | _receipt_info(info),
    )
    return Create(merchant=merchant, wire=wire, order=order, warnings=_remarks(wire, info))


def decode_asked(
    kind: str, command: type[Query] | type[GetReceipt], request: Request, merchants: Merchants
) -> Query | GetReceipt:
    _, wire, merchant = _opened(kind, ASKED_SIGNED, request, merchants)
    return command(merchant=merchant, wire=wire, order_key=wire["MaThamChieu"])


def _opened(kind: str, signed: str, request: Request, merchants: Merchants) -> tuple[Fields, Texts, Merchant]:
    """(the whole body, its signed fields, who signed them). Raises Refusal."""
    try:
        body = json_object(request.body)
        wire = {name: _text(body.get(name), name) for name in (*signed.split("|"), "MaXacThuc")}
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    merchant = merchants(wire["MaDoiTac"])
    refused = partial(Refusal, merchant=merchant, wire=wire)
    for name, longest in LENGTHS.items():
        if not 0 < len(wire[name]) <= longest:
            raise refused(Reason.MALFORMED, f"{name} must have 1 to {longest} characters")
    try:
        parse_compact(wire["ThoiGianGD"])
    except ValueError as error:
        raise refused(Reason.MALFORMED, f"ThoiGianGD {error}") from error
    if wire["LoaiBanTin"] != kind:
        raise refused(Reason.UNKNOWN_COMMAND, f"LoaiBanTin {wire['LoaiBanTin'][:40]!r} is not {kind}")
    if merchant is None:
        raise refused(Reason.UNKNOWN_MERCHANT, wire["MaDoiTac"])
    if not same(wire["MaXacThuc"], authentication_code(wire, signed, merchant.secrets["secret"])):
        raise refused(Reason.BAD_SIGNATURE, "MaXacThuc")
    return body, wire, merchant


def _text(value: object, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError(f"{name} must be a text")
    return value


def _remarks(wire: Texts, info: object) -> tuple[str, ...]:
    """What the platform lets pass but a portal should not send, for the journal."""
    usual = {"PhienBan": "1.0.6", "LoaiHinhThanhToan": "PAY"}
    remarks = [f"{name} is not {value}" for name, value in usual.items() if wire[name] != value]
    kind = info.get("MaDichVu") if isinstance(info, dict) else None
    if not isinstance(info, dict) or kind not in ("1", "2"):
        return (*remarks, "ThongTinBienLai is no object with MaDichVu 1 or 2")
    return (*remarks, *(f"ThongTinBienLai has no {name}" for name in RECEIPT_NEEDS[kind] if not info.get(name)))


def _receipt_info(info: object) -> Texts:
    """What the receipt and the CONFIRM need of ThongTinBienLai, which nobody signs: anything else in it is dropped."""
    if not isinstance(info, dict):
        return {}
    kept = {name: _loose(info.get(name)) for name in RECEIPT_KEPT}
    fees = [(_loose(name), amount or 0) for name, amount in _items(info.get("PhiLePhi"), "TenPhiLePhi")]
    return {name: text for name, text in kept.items() if text} | {"PhiLePhi": msgspec.json.encode(fees).decode()}


def _items(listed: object, label: str) -> list[tuple[object, int | None]]:
    """(name, VND) of at most 50 lines of PhiLePhi or DSKhoanNop; VND is None where it is no amount."""
    lines = [each for each in listed[:50] if isinstance(each, dict)] if isinstance(listed, list) else []
    return [(each.get(label), _vnd(each.get("SoTien"))) for each in lines]


def _vnd(value: object) -> int | None:
    text = str(value) if isinstance(value, str | int) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None


def _loose(value: object) -> str:
    return value.replace("\x00", "")[:250] if isinstance(value, str) else ""


def encode(
    kind: str,
    accepted: Callable[[Command, Reply, Payment], Response],
    request: Request,
    command: Command | None,
    result: Reply | Refusal,
) -> Response:
    """`accepted` writes the good answer, and may still refuse."""
    try:
        if isinstance(result, Refusal):
            raise result
        assert command is not None, "only what was understood is replied to"
        assert result.payment is not None, "every reply of this bank is about a payment"
        return accepted(command, result, result.payment)
    except Refusal as refusal:
        return _refused(kind, command, refusal)


def _created(command: Command, reply: Reply, payment: Payment) -> Response:
    fields = _head("INIT", "00", "Thành công", command.wire) | {"UrlThanhToan": reply.page_url}
    return _answered(_signed(fields, command.merchant), command.merchant)


def _queried(command: Command, reply: Reply, payment: Payment) -> Response:
    _same_time(command, payment)
    fields = _told("QUERY", "00", payment)
    fields |= {"MoTaLoi": "Thành công", "TrangThaiGD": TRANSACTION_STATES[payment.state]}
    return json_response(_signed(fields, command.merchant))


def _billed(command: Command, reply: Reply, payment: Payment) -> Response:
    _same_time(command, payment)
    if payment.state not in COLLECTED:
        raise Refusal(Reason.NOT_PAID, f"the payment is {payment.state}")
    return Response(200, (("content-type", "application/pdf"),), receipt_pdf(_receipt(payment, command.merchant)))


def _same_time(command: Command, payment: Payment) -> None:
    # dvcqg-td#query: the ThoiGianGD of the INIT belongs to the question.
    if payment.order.wire.get("ThoiGianGD") != command.wire["ThoiGianGD"]:
        raise Refusal(Reason.UNKNOWN_ORDER, "ThoiGianGD is not the one of the INIT")


def _refused(kind: str, command: Command | None, refusal: Refusal) -> Response:
    """Signed only if the caller was known to hold the secret: else anybody could have a message of choice signed."""
    merchant, wire = (command.merchant, command.wire) if command else (refusal.merchant, refusal.wire)
    verified = command is not None or refusal.reason in (Reason.INVALID_AMOUNT, Reason.INVALID_CURRENCY)
    fields = _head(kind, "99", f"Các lỗi khác: {refusal.reason}", wire)
    answer = _signed(fields, merchant if verified else None)
    return _answered(answer, merchant) if kind == "INIT" else json_response(answer)


def _answered(fields: Fields, merchant: Merchant | None) -> Response:
    # dvcqg-td#init-reply: a provincial LGSP wraps the reply of INIT into a text.
    if merchant is None or merchant.options.get("reply") != "lgsp":
        return json_response(fields)
    code = "0" if fields["MaLoi"] == "00" else fields["MaLoi"]
    return json_response({"error_code": code, "message": msgspec.json.encode(fields).decode()})


def _head(kind: str, code: str, text: str, wire: Mapping[str, str]) -> Fields:
    echoed = {name: wire.get(name, "") for name in ("MaDoiTac", "MaThamChieu", "ThoiGianGD")}
    return {"LoaiBanTin": kind, "MaLoi": code, "MoTaLoi": text, **echoed}


def _signed(fields: Fields, merchant: Merchant | None) -> Fields:
    """No rule for answers is known; ours is that of the requests, over all of the answer but its free text."""
    signed = "|".join(name for name in fields if name != "MoTaLoi")
    code = authentication_code(fields, signed, merchant.secrets["secret"]) if merchant else ""
    return {**fields, "MaXacThuc": code}


def _told(kind: str, code: str, payment: Payment) -> Fields:
    order = payment.order
    return {
        "LoaiBanTin": kind,
        "MaLoi": code,
        "MaDoiTac": payment.merchant_code,
        "MaThamChieu": order.wire.get("MaThamChieu") or order.order_ref,
        "SoTien": payment.amount_vnd,
        "MaTienTe": "VND",
        "MaGiaoDich": payment.bank_ref,
        "MaNganHang": payment.issuer_code or order.wire.get("MaNganHang", "PAYMENT"),
        "ThoiGianGD": compact(payment.settled_at) if payment.settled_at else order.wire.get("ThoiGianGD", ""),
        "ThongTinGiaoDich": order.description,
    }


def callback(notice: Notice) -> Outgoing:
    """CONFIRM: SoTien is a number here, a text in INIT; all but success is 99."""
    payment, merchant = notice.payment, notice.merchant
    bill_code = payment.order.wire.get("MaHoSo")
    fields = _told("CONFIRM", "00" if payment.state in COLLECTED else "99", payment)
    fields |= {"MaHoSo": bill_code} if bill_code else {}
    fields = worded(notice, fields, currency={"MaTienTe": "USD"}, optional=("MaHoSo",))
    fields["MaXacThuc"] = authentication_code(fields, CONFIRM_SIGNED, merchant.secrets["secret"])
    return _posted(merchant.callback_url, fields)


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    # dvcqg-td#confirm-reply: public clients omit or echo its other fields, so nothing hangs on them.
    if answer.status != 200:
        return Ack(False, answer.error or f"HTTP {answer.status}")
    try:
        code = json_object(answer.body).get("MaLoi")
    except ValueError as error:
        return Ack(False, str(error)[:200])
    return Ack(code == "00", f"MaLoi {code[:40]}" if isinstance(code, str) else "no MaLoi")


def return_url(payment: Payment, merchant: Merchant) -> str:
    """Back to the portal, which splits data at "_" and takes the third part for the reference."""
    # dvcqg-opencps-front#landing
    page, hash_mark, fragment = merchant.options.get("return_url", "").partition("#")
    code = "00" if payment.state in COLLECTED else "99"
    data = f"PAY_{payment.bank_ref}_{payment.order.order_ref}"
    secure_code = secret_sha256_hex("|".join((data, code, merchant.secrets["secret"])).encode())
    query = urlencode({"data": data, "responseCode": code, "secureCode": secure_code})
    return f"{page}{'&' if '?' in page else '?'}{query}{hash_mark}{fragment}" if page else ""


def _receipt(payment: Payment, merchant: Merchant) -> Receipt:
    wire = payment.order.wire
    fees = msgspec.json.decode(wire.get("PhiLePhi", "[]"), type=tuple[tuple[str, int], ...])
    return Receipt(
        number=int(sha256_hex(payment.payment_id.encode())[:12], 16) % NUMBER_MAX + 1,
        issued_at=payment.settled_at or payment.created_at,
        collector_name=wire.get("TenDonVi") or merchant.name,
        collector_tax_code=merchant.options.get("tax_code", ""),
        issuer_name=ISSUER,
        payer_name=wire.get("HoTenNguoiNop", ""),
        payer_address=wire.get("DiaChiNguoiNop", ""),
        bill_code=wire.get("MaHoSo") or payment.order.order_ref,
        bank_ref=payment.bank_ref,
        fees=fees or ((payment.order.description, payment.amount_vnd),),
        amount_vnd=payment.amount_vnd,
    )


def _posted(url: str, fields: Fields) -> Outgoing:
    return Outgoing("POST", url, (("content-type", JSON_TYPE),), msgspec.json.encode(fields))


def ask(question: Question, merchant: Merchant) -> Outgoing:
    """The fee lookup."""
    # dvcqg-opencps#lookup: nobody signs or authenticates it.
    return _posted(merchant.inquiry_url, {"MaHoSo": question.bill_code})


def read(answer: Answer, question: Question, merchant: Merchant) -> Bill:
    """What the portal says is owed; Refusal for nothing to pay, not found, or no such answer."""
    refused = partial(Refusal, merchant=merchant)
    if answer.status != 200:
        reason = {0: Reason.TIMED_OUT, 503: Reason.MAINTENANCE}.get(answer.status, Reason.UNKNOWN)
        raise refused(reason, answer.error or f"HTTP {answer.status}")
    try:
        body = json_object(answer.body)
    except ValueError as error:
        raise refused(Reason.MALFORMED, str(error)[:200]) from error
    code, info = body.get("error_code"), body.get("message")
    text = str(code)[:40] if isinstance(code, str | int) else ""
    if text != "1":
        known = {"0": Reason.ALREADY_PAID, "-1": Reason.UNKNOWN_ORDER}
        raise refused(known.get(text, Reason.UNKNOWN), f"error_code {text}")
    if not isinstance(info, dict) or info.get("MaHoSo", question.bill_code) != question.bill_code:
        raise refused(Reason.MALFORMED, "message must be an object of the MaHoSo that was asked for")
    # dvcqg-opencps#lookup: PhiLePhi and DSKhoanNop may differ; the latter is what is to be paid.
    lines = _items(info.get("DSKhoanNop"), "NoiDung") or _items(info.get("PhiLePhi"), "TenPhiLePhi")
    total = sum(amount or 0 for _, amount in lines)
    if any(amount is None for _, amount in lines) or not 0 < total < 10**15:
        raise refused(Reason.INVALID_AMOUNT, "SoTien of DSKhoanNop or PhiLePhi")
    reference = {"MaThamChieu": _loose(info.get("MaTraCuuTT")), "ThoiGianGD": compact(question.now)}
    return Bill(
        bill_code=question.bill_code,
        amount_vnd=total,
        payer_name=_loose(info.get("HoTenNguoiNop")),
        description=_loose(info.get("NoiDungThanhToan")) or f"THANH TOAN HO SO {question.bill_code}",
        wire=_receipt_info(info) | reference | {"MaHoSo": question.bill_code},
    )


ASSUMPTIONS = (
    ("paths", "/payment/init, /payment/query, /payment/bill", "URLs are configuration in every known client", ""),
    ("error-codes", "99 for every refusal and failure, the reason in MoTaLoi", "only 00 and 99 are known", ""),
    ("answer-signature", "requests' rule over all answered fields but MoTaLoi", "no known client verifies one", ""),
    ("unsigned-refusal", "MaXacThuc is empty before the caller has proved itself", "no oracle for signatures", ""),
    ("loai-ban-tin", "CONFIRM in callbacks, the question's in answers", "known clients only echo it", ""),
    ("announced", "paid, failed, cancelled, expired, reversed", "failures are seen, not which", ""),
    ("retries", "1, 5, 15, 30 min, 1 and 2 h; 30 s for an answer", "no schedule is public", "retries"),
    ("acknowledgement", "HTTP 200 with MaLoi 00; anything else is sent again", "no rule is public", ""),
    ("times", "ThoiGianGD tells when it was settled, before that the INIT's", "one sample differs from INIT", ""),
    ("query-time", "another ThoiGianGD than the INIT's is an unknown order", "documented as the INIT's", ""),
    ("duplicates", "a MaThamChieu is used once, whatever its ThoiGianGD", "it is the reference of CONFIRM", ""),
    ("types", "signed fields of requests must be texts; unknown fields pass", "clients send texts", ""),
    ("receipt-info", "incomplete ThongTinBienLai is noted, not refused", "its checks are the portal's", ""),
    ("receipt-number", "made from the payment, 1 to 99,999,999", "a pure bank keeps no counter", ""),
    (
        "return",
        "to the merchant's return_url; secureCode over data and code",
        "INIT has no field",
        "options.return_url",
    ),
    ("lookup-amount", "the sum of DSKhoanNop, else of PhiLePhi", "the two may differ", ""),
    ("lookup-reference", "MaTraCuuTT becomes MaThamChieu of the CONFIRM", "nothing tells how they meet", ""),
    ("page-life", "15 min to pay", "no limit is public", ""),
)

DIALECT = Dialect(
    code="dvcqg",
    name="Nền tảng thanh toán Cổng Dịch vụ công quốc gia",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.INTERNET_BANKING, Channel.QR, Channel.MOBILE),
    endpoints=tuple(
        Endpoint(operation=operation, method="POST", path=path, decode=decode, encode=partial(encode, kind, accepted))
        for operation, path, decode, kind, accepted in (
            ("create", "/payment/init", decode_init, "INIT", _created),
            ("query", "/payment/query", partial(decode_asked, "QUERY", Query), "QUERY", _queried),
            ("receipt", "/payment/bill", partial(decode_asked, "GET_BILL", GetReceipt), "GET_BILL", _billed),
        )
    ),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.CURRENCY, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 300, 900, 1800, 3600, 7200), timeout_s=30),
    announces=frozenset({State.PAID, State.FAILED, State.CANCELLED, State.EXPIRED, State.REVERSED}),
    return_url=return_url,
    inquiry=Inquiry(ask=ask, read=read),
    secrets=("secret",),
    settlement=(treasury.FILE,),
    sources=("dvcqg-td", "dvcqg-opencps", "dvcqg-opencps-front", "nd-254-2026", "tt-91-2026-btc"),
    assumptions=assumed("dvcqg", ASSUMPTIONS),
)
