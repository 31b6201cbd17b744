"""The bank's end of eTax: a tax payment is opened, confirmed by OTP, reported on, its receipt printed; tokens are made.

Rule: requests are base64 text in an RSA-signed envelope; the partner's key comes from its contract, never from them.
A token seals the account or card that it stands for: the bank keeps no list of them.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlencode

import msgspec

from simulator import form
from simulator.cards import scheme_of
from simulator.clock import VIETNAM, compact, parse_compact
from simulator.dialect import (
    Ack,
    Ask,
    Command,
    Confirm,
    Create,
    Dialect,
    Endpoint,
    GetReceipt,
    Merchants,
    Notice,
    Part,
    Query,
    Reply,
    Shape,
    assumed,
    worded,
)
from simulator.outbox import Retry
from simulator.payment import COLLECTED, Channel, Merchant, Order, Outcome, Payment, Reason, Refusal, State
from simulator.receipt import NUMBER_MAX, Receipt, receipt_pdf
from simulator.signing import rsa_sha1_verify, rsa_sha256_verify, same, secret_sha256_hex, sha256_hex
from simulator.wire import JSON_TYPE, Answer, Outgoing, Request, Response, json_object, json_response, text_response

Fields = dict[str, object]

ISSUER = "Ngân hàng thu thuế điện tử (giả lập)"
PARTNER = "ETAX"
LINK_LIFE = timedelta(minutes=5)  # etax-lpb#receipt
OTP_LIFE = timedelta(minutes=5)  # tt-50-2024#otp
SMS_OTP = "SMSOTP"  # etax-lpb#otp
# etax-lpb#codes: the texts are ours, the source has them in a file that is not public.
TEXTS = {
    "00": "Thành công",
    "01": "Không truy vấn được tài khoản",
    "02": "Yêu cầu không hợp lệ",
    "052": "Thiếu số CMND",
    "053": "Thiếu số CCCD",
    "054": "Thiếu số hộ chiếu",
    "056": "Số tài khoản không hợp lệ",
    "057": "Số thẻ không hợp lệ",
    "058": "Thiếu số điện thoại",
    "06": "Lỗi hệ thống",
    "061": "Thiếu ngày phát hành thẻ",
    "07": "Sai chữ ký",
    "071": "Sai OTP",
    "99": "Lỗi không xác định",
    "104": "Không tìm thấy giao dịch",
    "118": "Không tìm thấy thông tin",
    "123": "Số dư không đủ",
    "132": "Token không tồn tại",
    "142": "Ngoài giờ chuyển tiền CITAD",
}
CODES = {
    **dict.fromkeys((Reason.UNKNOWN_MERCHANT, Reason.BAD_SIGNATURE), "07"),
    **dict.fromkeys((Reason.UNKNOWN_ORDER, Reason.NOT_PAID), "104"),
    **dict.fromkeys((Reason.TIMED_OUT, Reason.UNKNOWN), "99"),
    Reason.MAINTENANCE: "142",
    Reason.EXPIRED: "118",
    Reason.WRONG_PAYER: "01",
}
OUTCOMES = {
    Outcome.SUCCESS: "00",
    **dict.fromkeys((Outcome.NOT_REGISTERED, Outcome.WRONG_DETAILS, Outcome.ACCOUNT_LOCKED), "01"),
    **dict.fromkeys((Outcome.WRONG_OTP, Outcome.WRONG_PASSWORD), "071"),
    **dict.fromkeys((Outcome.UNKNOWN, Outcome.SUSPECTED_FRAUD), "99"),
    Outcome.TIMED_OUT: "118",
    Outcome.INSUFFICIENT_FUNDS: "123",
}
# etax-lpb#checks: what the bank demands of these fields, names in lower case because it reads them in any.
FORMS = {
    "mathamchieu": r"[0-9a-zA-Z]{1,20}",
    "thongtingiaodich": r"[^\x00]{1,210}",
    "ewallettoken": r"[0-9a-zA-Z]{1,64}",
}
RECEIPT_FORMS = {"tkthuhuong": r"[0-9]{1,19}", "khobac": r"[0-9]{1,8}"}
RECEIPT_LISTS = ("philephi", "dskhoannop")
RECEIPT_KEPT = ("mahoso", "khobac", "hotennguoinop", "hotennguoinopthay", "diachinguoinop", "tencoquanqd")
NUMBERS = {"ACCOUNT": (r"[0-9]{12}", Channel.INTERNET_BANKING), "CARD": (r"[0-9]{16,19}", Channel.CARD)}
# etax-lpb#link: papers, each with the code for its missing number; what is to be done, and with a wrong number.
PAPERS = {"CMND": "052", "CCCD": "053", "HC": "054"}
OPEN, CLOSE = "OPEN", "CLOSE"
WRONG_NUMBERS = {"ACCOUNT": "056", "CARD": "057"}
LINK_NUMBER = re.compile(r"([12])([0-9]{12,19})[0-9]{12}")
TOKEN = re.compile(r"T([0-9]{12,19})[0-9]{12}")
LINK_OTP = "123456"
NUMBER_LENGTH = 14
# etax-lpb#progress: I opened, C confirmed; S and F tell how that step ended.
OPENED, CONFIRMED, DONE_WELL, DONE_BADLY = "I", "C", "S", "F"


def receipt_code(partner: str, reference: str, time: str, secret: str) -> str:
    """MaXacThuc of print-receipt: 64 lower-case hex digits."""
    return secret_sha256_hex("|".join((partner, reference, time, secret)).encode())  # etax-lpb#receipt


def _opened(request: Request, merchants: Merchants) -> tuple[Fields, Merchant, dict[str, str]]:
    """(the data with names in lower case, who signed them, what is kept of the envelope). Raises Refusal."""
    try:
        envelope = json_object(request.body)
        signature = envelope.get("signature")
        sealed = signature if isinstance(signature, dict) else {}
        text, value, certificates = (
            _text(each) for each in (envelope.get("duLieu"), sealed.get("value"), sealed.get("certificates"))
        )
        if not (text and value and certificates):
            raise ValueError("duLieu, signature.value and signature.certificates are needed")
        data = _lower(json_object(base64.b64decode(text.encode("ascii"), validate=True)))
        partner = _text(data.get("madoitac")) or PARTNER
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    merchant = merchants(partner[:100])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, partner[:40])
    # etax-lpb#signature: there the certificate of the message names key and hash; here both come from the contract.
    verify = rsa_sha1_verify if merchant.options.get("hash") == "sha1" else rsa_sha256_verify
    try:
        true = verify(merchant.secrets["partner_public_key"], text.encode(), value)
    except ValueError as error:
        raise Refusal(Reason.BAD_SIGNATURE, "partner_public_key is no RSA key", merchant=merchant) from error
    if not true:
        raise Refusal(Reason.BAD_SIGNATURE, "signature.value", merchant=merchant)
    return data, merchant, {"certificates": certificates}


def _text(value: object) -> str:
    """A text as it came, "" for null. Raises ValueError."""
    if value is None:
        return ""
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("a text is needed")
    return value


def _lower(fields: Mapping[str, object]) -> Fields:
    return {name.lower(): value for name, value in fields.items()}


def _loose(value: object) -> str:
    return value.replace("\x00", "")[:250] if isinstance(value, str) else ""


def _vnd(value: object) -> int:
    """0 for what is no plain whole amount of at most 15 digits."""
    text = str(value) if isinstance(value, str) or type(value) is int else ""
    return int(text) if re.fullmatch(r"[0-9]{1,15}", text) else 0


def decode_init(request: Request, merchants: Merchants) -> Create:
    """Raises Refusal."""
    data, merchant, wire = _opened(request, merchants)
    refused = partial(Refusal, merchant=merchant, wire=wire)
    info = data.get("thongtinbienlai")
    receipt = _lower(info) if isinstance(info, dict) else {}
    forms = [(name, data.get(name), pattern) for name, pattern in FORMS.items()]
    forms += [(name, receipt.get(name), pattern) for name, pattern in RECEIPT_FORMS.items()]
    odd = [name for name, value, pattern in forms if not isinstance(value, str) or not re.fullmatch(pattern, value)]
    odd += [name for name in RECEIPT_LISTS if not isinstance(receipt.get(name), list)]
    if not (_loose(receipt.get("hotennguoinop")) or _loose(receipt.get("hotennguoinopthay"))):
        odd.append("hotennguoinop")
    if odd:
        raise refused(Reason.MALFORMED, f"{odd[0]} is missing or of another form")
    amount_vnd = _vnd(data.get("sotien"))
    if not amount_vnd:
        raise refused(Reason.INVALID_AMOUNT, "soTien")
    if data.get("matiente") != "VND":
        raise refused(Reason.INVALID_CURRENCY, _loose(data.get("matiente"))[:40])
    pattern, channel = NUMBERS.get(_loose(data.get("phuongthuc")).strip().upper(), ("", None))
    token = str(data["ewallettoken"])
    number = _loose(data.get("sotaikhoan_the")) or _number_of(token, merchant)
    if channel is None:
        raise refused(Reason.MALFORMED, "phuongThuc is neither ACCOUNT nor CARD")
    if not re.fullmatch(pattern, number):
        raise refused(Reason.WRONG_PAYER, "soTaiKhoan_The", wire={**wire, "number": number[:19]})
    order = Order(
        order_ref=str(data["mathamchieu"]),
        order_key=str(data["mathamchieu"]),
        amount_vnd=amount_vnd,
        description=str(data["thongtingiaodich"]).strip(),
        channel=channel,
        locale="en" if _loose(data.get("ngonngu")).startswith("en") else "vi",
        client_ip=request.client_ip,
        wire={"thoigiangd": _loose(data.get("thoigiangd")), **_receipt_info(receipt)},
    )
    return Create(merchant=merchant, wire={**wire, "number": number}, order=order, pays_with=number)


def _receipt_info(receipt: Fields) -> dict[str, str]:
    kept = {name: _loose(receipt.get(name)) for name in RECEIPT_KEPT}
    for listed, label in (("philephi", "tenphilephi"), ("dskhoannop", "noidung")):
        lines = receipt.get(listed)
        rows = [_lower(each) for each in lines[:50] if isinstance(each, dict)] if isinstance(lines, list) else []
        fees = [(_loose(row.get(label)), _vnd(row.get("sotien"))) for row in rows]
        if fees and "fees" not in kept:
            kept["fees"] = msgspec.json.encode(fees).decode()
    return {name: text for name, text in kept.items() if text}


def _sealed(kind: str, number: str, merchant: Merchant) -> str:
    """`number` with twelve digits that only this bank can make; `kind` is "T" for a token, 1 to link, 2 to unlink."""
    seal = secret_sha256_hex("|".join(("link", kind, number, merchant.secrets["secret"])).encode())
    return f"{kind}{number}{int(seal[:16], 16) % 10**12:012d}"


def _number_of(token: str, merchant: Merchant) -> str:
    """The account or card that a token of this bank stands for, else ""."""
    found = TOKEN.fullmatch(token)
    return found[1] if found and same(token, _sealed("T", found[1], merchant)) else ""


def _link_refused(data: Fields) -> str:
    """etax-lpb#link: the code of what is wrong with what is said of a taxpayer, else ""."""
    names = ("mst", "loai", "dienthoai", "loaigiayto", "sogiayto", "phuongthuc", "sotaikhoan_the", "ngayphathanh")
    tax, action, phone, paper, paper_number, kind, number, issued = (_said(data.get(name)) for name in names)
    paper, kind = paper.upper(), kind.upper()
    if not all(re.fullmatch(r"[0-9a-zA-Z]{1,14}", text) for text in (_said(data.get("madoitac")), tax)):
        return "02"
    if action.upper() == CLOSE:
        return ""
    checks = (
        (action.upper() not in ("", OPEN), "02"),
        (not phone, "058"),
        (paper not in PAPERS, "02"),
        (not paper_number, PAPERS.get(paper, "02")),
        (kind not in NUMBERS or not number, "02"),
        (re.fullmatch(NUMBERS.get(kind, ("", None))[0], number) is None, WRONG_NUMBERS.get(kind, "02")),
        (kind == "CARD" and not issued, "061"),
    )
    return next((code for wrong, code in checks if wrong), "")


def _said(value: object) -> str:
    """A text or a whole number of at most 20 digits: papers and telephones come as either."""
    if type(value) is int and 0 <= value < 10**20:
        return str(value)
    return _loose(value).strip()


def decode_verify(request: Request, merchants: Merchants) -> Ask:
    """Whether what is said of a taxpayer is in order. Raises Refusal."""
    data, merchant, wire = _opened(request, merchants)
    code = _link_refused(data)
    if code:
        raise Refusal(Reason.MALFORMED, f"{code}: {TEXTS[code]}", merchant=merchant, wire={**wire, "code": code})
    number = _said(data.get("sotaikhoan_the"))
    return Ask(merchant=merchant, wire={**wire, "number": number}, pays_with=_card(number))


def _card(number: str) -> str:
    """The number where it has a card's form: only test cards are known here. An account may be anybody's."""
    return number if scheme_of(number) else ""


def decode_link_payer(request: Request, merchants: Merchants) -> Ask:
    """An account or card is to be linked, or its token closed: both are then confirmed by OTP. Raises Refusal."""
    data, merchant, wire = _opened(request, merchants)
    action, token = _said(data.get("loai")).upper(), _said(data.get("ewallettoken"))
    closed = _number_of(token, merchant) if action == CLOSE else ""
    code = _link_refused(data) or ("02" if action not in (OPEN, CLOSE) else "")
    code = code or ("132" if action == CLOSE and not closed else "")
    if code:
        raise Refusal(Reason.MALFORMED, f"{code}: {TEXTS[code]}", merchant=merchant, wire={**wire, "code": code})
    number = closed or _said(data.get("sotaikhoan_the"))
    link = _sealed("2" if closed else "1", number, merchant)
    return Ask(merchant=merchant, wire={**wire, "link": link, "number": number}, pays_with=_card(number))


def _confirmed_link(number: str, otp: str, merchant: Merchant, wire: dict[str, str]) -> Ask:
    """etax-lpb#link: what is longer than 14 is no payment's number. Raises Refusal."""
    found = LINK_NUMBER.fullmatch(number)
    if found is None or not same(number, _sealed(found[1], found[2], merchant)):
        raise Refusal(Reason.UNKNOWN_ORDER, "no such link", merchant=merchant)
    if not same(otp, LINK_OTP):
        raise Refusal(Reason.MALFORMED, "071: OTP", merchant=merchant, wire={**wire, "code": "071"})
    return Ask(merchant=merchant, wire={**wire, "token": _sealed("T", found[2], merchant)})


def decode_confirm(request: Request, merchants: Merchants) -> Confirm | Ask:
    """Raises Refusal."""
    data, merchant, wire = _opened(request, merchants)
    number, otp, kind = (_loose(data.get(name)) for name in ("magiaodich", "otp", "loaiotp"))
    # etax-lpb#otp
    if not (0 < len(number) <= 50 and 0 < len(otp) <= 20 and kind.upper() == SMS_OTP):
        raise Refusal(Reason.MALFORMED, f"Magiaodich, OTP and loaiOTP {SMS_OTP} are needed", merchant=merchant)
    if len(number) > NUMBER_LENGTH:
        return _confirmed_link(number, otp, merchant, wire)
    return Confirm(merchant=merchant, wire=wire, name=number, otp=otp)


def decode_feedback(request: Request, merchants: Merchants) -> Query:
    """What eTax says became of a payment, taken as the question what the bank says. Raises Refusal."""
    data, merchant, wire = _opened(request, merchants)
    number, reference = _loose(data.get("magiaodich"))[:50], _loose(data.get("mathamchieu"))[:20]
    if not number and not reference:
        raise Refusal(Reason.MALFORMED, "Magiaodich is needed", merchant=merchant)
    said = _loose(data.get("tthai"))[:20]
    remarks = (f"eTax says tthai {said}",) if said else ()
    return Query(merchant=merchant, wire=wire, name=number, order_key=reference, warnings=remarks)


def decode_print(request: Request, merchants: Merchants) -> GetReceipt:
    """Raises Refusal."""
    try:
        body = json_object(request.body)
        wire = {name: _text(body.get(name)) for name in ("MaDoiTac", "MaThamChieu", "ThoiGianGD", "MaXacThuc")}
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    merchant = merchants(wire["MaDoiTac"][:100])
    if not 0 < len(wire["MaThamChieu"]) <= 20 or len(wire["ThoiGianGD"]) > 50:
        raise Refusal(Reason.MALFORMED, "MaThamChieu or ThoiGianGD", merchant=merchant)
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, wire["MaDoiTac"][:40])
    signed = (wire["MaDoiTac"], wire["MaThamChieu"], wire["ThoiGianGD"])
    if not same(wire["MaXacThuc"], receipt_code(*signed, merchant.secrets["secret"])):
        raise Refusal(Reason.BAD_SIGNATURE, "MaXacThuc", merchant=merchant)
    return GetReceipt(merchant=merchant, wire=wire, order_key=wire["MaThamChieu"])


def _link_code(wire: Mapping[str, str], merchant: Merchant) -> str:
    text = "|".join(("get-receipt", wire["MaDoiTac"], wire["MaThamChieu"], wire["HetHan"], merchant.secrets["secret"]))
    return secret_sha256_hex(text.encode())


def decode_link(request: Request, merchants: Merchants) -> GetReceipt:
    """Raises Refusal."""
    try:
        given = form.fields(form.pieces(request.query))
        wire = {name: given.get(name, "") for name in ("MaDoiTac", "MaThamChieu", "HetHan")}
        parse_compact(wire["HetHan"])
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:200]) from error
    merchant = merchants(wire["MaDoiTac"][:100])
    if merchant is None:
        raise Refusal(Reason.UNKNOWN_MERCHANT, wire["MaDoiTac"][:40])
    if not same(request.places.get("code", ""), _link_code(wire, merchant)):
        raise Refusal(Reason.BAD_SIGNATURE, "the link is not of this bank", merchant=merchant)
    return GetReceipt(merchant=merchant, wire=wire, order_key=wire["MaThamChieu"])


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    """Links and passwords end after five minutes, transfers between banks at the cut-off time."""
    if isinstance(command, GetReceipt) and "HetHan" in command.wire and now >= parse_compact(command.wire["HetHan"]):
        raise Refusal(Reason.EXPIRED, "the link was valid for 5 min", merchant=command.merchant)
    sent_at = payment.otp_sent_at if payment and payment.state is State.PENDING else None
    if isinstance(command, Confirm) and sent_at is not None and now - sent_at >= OTP_LIFE:
        raise Refusal(Reason.EXPIRED, "the OTP was valid for 5 min", merchant=command.merchant)
    order = command.order if isinstance(command, Create) else payment.order if payment else None
    if not isinstance(command, Create | Confirm) or order is None:
        return
    # etax-lpb#citad: only where the treasury has no account at this bank, and at both steps.
    options = command.merchant.options
    ends, own = options.get("citad_cut_off", ""), options.get("treasuries", "").split(",")
    if ends and order.wire.get("khobac") not in own and f"{now.astimezone(VIETNAM):%H:%M}" >= ends:
        raise Refusal(Reason.MAINTENANCE, f"CITAD closed at {ends}", merchant=command.merchant)


def _answered(code: str, **fields: str) -> Response:
    # etax-lpb#answers: no envelope, no signature.
    return json_response({"tthai": code, "mota": TEXTS[code], **fields})


def _code_of(payment: Payment) -> str:
    """The code of the step that a connector has just asked for."""
    if payment.state is State.PENDING and payment.outcome is None:
        return "071" if payment.otp_tries else "00"
    if payment.state in COLLECTED:
        return "00"
    code = OUTCOMES.get(payment.outcome or Outcome.OTHER, "06")
    return "06" if code == "00" else code


def encode_init(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    number = "" if isinstance(result, Refusal) or result.payment is None else result.payment.bank_ref
    otp = {"loaiOTP": SMS_OTP if number else "", "smartOTPUnlockCode": ""}
    return _answered(_step_code(command, result), magiaodich=number, **otp, lephi="0")


def encode_verify(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    return _answered(_refusal_code(command, result) if isinstance(result, Refusal) else "00")


def encode_link_payer(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal) or command is None:
        code = _refusal_code(command, result) if isinstance(result, Refusal) else "06"
        return _answered(code, magiaodich="", loaiOTP="", smartOTPUnlockCode="")
    return _answered("00", magiaodich=command.wire["link"], loaiOTP=SMS_OTP, smartOTPUnlockCode="")


def encode_confirm(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(command, Ask) and not isinstance(result, Refusal):
        return _answered("00", ewalletToken=command.wire["token"])
    return _answered(_step_code(command, result), ewalletToken="")


def encode_feedback(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal) or result.payment is None:
        return _answered(_step_code(command, result))
    progress, status = _progress(result.payment)
    return _answered("00", magiaodich=result.payment.bank_ref, progress=progress, status=status)


def _step_code(command: Command | None, result: Reply | Refusal) -> str:
    if isinstance(result, Refusal):
        return _refusal_code(command, result)
    assert result.payment is not None, "every reply of this bank is about a payment"
    return _code_of(result.payment)


def _refusal_code(command: Command | None, refusal: Refusal) -> str:
    wire = command.wire if command else refusal.wire
    if "code" in wire:
        return wire["code"]
    if refusal.reason is Reason.WRONG_PAYER and not wire.get("number"):
        return "118"  # etax-lpb#token: a token that stands for nothing
    return CODES.get(refusal.reason, "02")


def _progress(payment: Payment) -> tuple[str, str]:
    if payment.state in COLLECTED:
        return CONFIRMED, DONE_WELL
    if payment.state in (State.PENDING, State.SUSPECTED):
        return OPENED, DONE_WELL
    at_once = payment.settled_at == payment.created_at
    return OPENED if at_once else CONFIRMED, DONE_BADLY


def encode_print(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """The address of the receipt, or a code."""
    if isinstance(result, Refusal) or command is None:
        code = CODES.get(result.reason, "02") if isinstance(result, Refusal) else "06"
        return json_response({"MaLoi": code, "MoTaLoi": TEXTS[code], "URLBienLai": ""})
    kept = {name: command.wire[name] for name in ("MaDoiTac", "MaThamChieu")}
    wire = {**kept, "HetHan": compact(result.now + LINK_LIFE)}
    url = f"{result.bank_url}/api/v1/get-receipt/{_link_code(wire, command.merchant)}?{urlencode(wire)}"
    return json_response({"MaLoi": "00", "MoTaLoi": TEXTS["00"], "URLBienLai": url})


def encode_link(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    """A PDF, or in plain words why not."""
    if isinstance(result, Refusal) or command is None or result.payment is None:
        reason = result.reason if isinstance(result, Refusal) else Reason.UNKNOWN
        # etax-lpb#receipt: both sentences and HTTP 400.
        unknown = reason in (Reason.UNKNOWN_ORDER, Reason.NOT_PAID)
        return text_response("Khong tim thay ma tham chieu" if unknown else "Link da het han", 400)
    pdf = receipt_pdf(_receipt(result.payment, command.merchant))
    return Response(200, (("content-type", "application/pdf"),), pdf)


def _receipt(payment: Payment, merchant: Merchant) -> Receipt:
    wire = payment.order.wire
    fees = msgspec.json.decode(wire.get("fees", "[]"), type=tuple[tuple[str, int], ...])
    return Receipt(
        number=int(sha256_hex(payment.payment_id.encode())[:12], 16) % NUMBER_MAX + 1,
        issued_at=payment.settled_at or payment.created_at,
        collector_name=wire.get("tencoquanqd") or merchant.name,
        issuer_name=ISSUER,
        payer_name=wire.get("hotennguoinop") or wire.get("hotennguoinopthay", ""),
        payer_address=wire.get("diachinguoinop", ""),
        bill_code=wire.get("mahoso") or payment.order.order_ref,
        bank_ref=payment.bank_ref,
        fees=fees or ((payment.order.description, payment.amount_vnd),),
        amount_vnd=payment.amount_vnd,
    )


def callback(notice: Notice) -> Outgoing:
    """Never due: the bank only answers. It is what a feedback in the other direction would be."""
    payment, merchant = notice.payment, notice.merchant
    code = "00" if payment.state in COLLECTED else "99"
    fields = {"tthai": code, "mota": TEXTS[code], "Magiaodich": payment.bank_ref, "soTien": str(payment.amount_vnd)}
    seal = receipt_code(code, payment.bank_ref, fields["soTien"], merchant.secrets["secret"])
    body = msgspec.json.encode(worded(notice, {**fields, "MaXacThuc": seal}, optional=("mota",)))
    return Outgoing("POST", merchant.callback_url, (("content-type", JSON_TYPE),), body)


def acknowledged(answer: Answer, notice: Notice) -> Ack:
    return Ack(False, "this bank calls nobody back, so nothing acknowledges")


def names(payment: Payment) -> tuple[str, ...]:
    """eTax confirms by the bank's number."""
    return (payment.bank_ref,)


ASSUMPTIONS = (
    ("feedback", "eTax's report is answered with progress and status, and may name a maThamChieu", "a use", ""),
    ("partner", f"without maDoiTac the partner is {PARTNER}", "a confirmation names no partner", ""),
    ("key", "verified by the contract's key; the certificates must be there and are not read", "anybody has one", ""),
    ("hash", "SHA256withRSA, SHA1withRSA by contract only", "a message must not weaken its own proof", "options.hash"),
    ("token", "soTaiKhoan_The pays; ewalletToken must be there", "the source compares the two", ""),
    ("no-number", "without soTaiKhoan_The a token of this bank pays, another is 118", "a token stands for it", ""),
    ("links", "no list: an account may be linked again, a closed token pays still; 125 is never sent", "pure bank", ""),
    ("link-otp", f"{LINK_OTP}, as often as it is tried", "the payer of a link is nobody yet", ""),
    ("payer-info", "papers, telephone and name are looked at, not compared with the account's", "no register", ""),
    ("answers", "tthai and mota, unsigned", "seen in the sister service of the same bank", ""),
    ("codes", "which refusal has which code where the source has no such case", "only numbers are public", ""),
    ("duplicates", "a maThamChieu is used once: 02", "the source overwrites the earlier payment", ""),
    ("confirmed", "a second confirmation is 02, one of an ended payment 118", "the source posts again", ""),
    ("wrong-otp", "071 up to three times, then the payment has failed", "only 071 is known", ""),
    ("undecided", "99 for a payment that is held or unknown, progress I", "the source has no such case", ""),
    ("delivery-fee", "phiChuyenPhat is within soTien", "the source debits soTien", ""),
    ("cut-off", "none", "its hours are not public", "options.citad_cut_off"),
    ("treasuries", "none has an account here", "the list is the bank's", "options.treasuries"),
    ("unpaid-receipt", "104", "the source prints it all the same", ""),
    ("link", "partner, reference and end stand in the query, the hash covers them", "no cache in a pure bank", ""),
    ("otp-life", "5 min, then 118", "the law's limit for text messages; the source's is not public", ""),
)


DIALECT = Dialect(
    code="etax",
    name="Ngân hàng thu thuế qua eTax",
    shape=Shape.SERVER_CREATE,
    channels=(Channel.INTERNET_BANKING, Channel.CARD),
    endpoints=tuple(
        Endpoint(operation=operation, method=method, path=f"/api/v1{path}", decode=decode, encode=encode)
        for operation, method, path, decode, encode in (
            ("ask", "POST", "/verify-payer-info", decode_verify, encode_verify),
            ("ask", "POST", "/link-payer-info", decode_link_payer, encode_link_payer),
            ("create", "POST", "/init-payment", decode_init, encode_init),
            ("confirm", "POST", "/confirm-transaction", decode_confirm, encode_confirm),
            ("query", "POST", "/feedback-transaction", decode_feedback, encode_feedback),
            ("receipt", "POST", "/print-receipt", decode_print, encode_print),
            ("receipt", "GET", "/get-receipt/{code}", decode_link, encode_link),
        )
    ),
    callback=callback,
    parts=frozenset({Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=()),
    announces=frozenset(),  # etax-lpb#calls: it has no call towards eTax
    secrets=("partner_public_key", "secret"),
    names=names,
    judge=judge,
    sources=("etax-lpb",),
    assumptions=assumed("etax", ASSUMPTIONS),
)
