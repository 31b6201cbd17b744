"""Facts about the bank's end of eTax."""

import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from simulator.bank import act
from simulator.banks import etax
from simulator.banks.etax import CODES, DIALECT, OUTCOMES, TEXTS, acknowledged, callback, judge, receipt_code
from simulator.dialect import Ask, Command, Confirm, Create, Endpoint, GetReceipt, Notice, Query, Reply
from simulator.merchants import default_merchants, impostor_key
from simulator.payment import Channel, Event, Merchant, Outcome, Payment, Reason, Refusal, State, Step
from simulator.signing import rsa_sha256_sign
from simulator.wire import Answer, Request, Response
from simulator.world import World
from tests.samples.etax import (
    etax_confirm,
    etax_data,
    etax_feedback,
    etax_init,
    etax_link,
    etax_link_payer,
    etax_print,
    etax_sealed,
)
from tests.worlds import START, ask, courier_of, endpoint_of, worlds_in

VECTORS = json.loads((Path(__file__).parent.parent / "fixtures/wire/etax/receipt.json").read_text())
PARTNER = next(each for each in default_merchants() if each.bank == "etax")
VERIFY, LINK_PAYER, INIT, CONFIRM, FEEDBACK, PRINT, LINK = DIALECT.endpoints
ENVELOPED = pytest.mark.parametrize(
    "endpoint", [VERIFY, LINK_PAYER, INIT, CONFIRM, FEEDBACK], ids=lambda each: each.path
)


def merchants(code: str) -> Merchant | None:
    return PARTNER if code == "ETAX" else None


def decoded(request: Request, merchant: Merchant = PARTNER) -> Command:
    endpoint, placed = endpoint_of(DIALECT, request)
    return endpoint.decode(placed, lambda code: merchant if code == merchant.merchant_code else None)


def refused(request: Request, merchant: Merchant = PARTNER) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decoded(request, merchant)
    return caught.value


def said(response: Response) -> dict[str, Any]:
    assert response.status == 200
    fields: dict[str, Any] = json.loads(response.body)
    return fields


def refused_init(**changes: object) -> tuple[Reason, str]:
    """(why, the code that eTax is told)."""
    request = etax_init("MTC0001", 50_000, START, **changes)
    refusal = refused(request)
    return refusal.reason, said(INIT.encode(request, None, refusal))["tthai"]


def receipt_info(**changes: object) -> dict[str, object]:
    info = etax_data("MTC0001", 50_000, START)["ThongTinBienLai"]
    assert isinstance(info, dict)
    return {**info, **changes}


def created(**changes: object) -> Create:
    command = decoded(etax_init("MTC0001", 50_000, START, **changes))
    assert isinstance(command, Create)
    return command


def payment(state: State = State.PENDING, **changes: Any) -> Payment:
    order = created().order
    made = Payment(
        payment_id="0123abcd",
        bank="etax",
        merchant_code="ETAX",
        order=order,
        amount_vnd=order.amount_vnd,
        bank_ref="12345678901234",
        created_at=START,
        state=state,
        channel=order.channel,
        step=Step.OTP if state is State.PENDING else Step.DONE,
        settled_at=None if state is State.PENDING else START + timedelta(minutes=1),
    )
    return msgspec.structs.replace(made, **changes)


def told(endpoint: Endpoint, result: Payment | Refusal) -> dict[str, Any]:
    reply = result if isinstance(result, Refusal) else Reply(now=START, reply_ref="0" * 32, payment=result)
    request = Request(endpoint.method, endpoint.path)
    return said(endpoint.encode(request, created(), reply))


# --- known answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["key"]))
def test_a_published_receipt_code_is_made(vector: dict[str, Any]) -> None:
    assert receipt_code(*vector["fields"].values(), vector["secret"]) == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["key"]))
def test_a_published_request_for_a_receipt_is_understood(vector: dict[str, Any]) -> None:
    secrets = {**PARTNER.secrets, "secret": vector["secret"]}
    merchant = msgspec.structs.replace(PARTNER, merchant_code="DEMO", secrets=secrets)
    body = json.dumps({**vector["fields"], "MaXacThuc": vector["signature"]}).encode()
    command = decoded(Request("POST", "/api/v1/print-receipt", body=body), merchant)
    assert isinstance(command, GetReceipt)
    assert command.order_key == "MTC0001"


# --- the envelope --------------------------------------------------------------------------------------------


def enveloped(endpoint: Endpoint, **changes: object) -> Request:
    made = {
        VERIFY.path: lambda: etax_link_payer(path="/verify-payer-info"),
        LINK_PAYER.path: etax_link_payer,
        INIT.path: lambda: etax_init("MTC0001", 50_000, START),
        CONFIRM.path: lambda: etax_confirm("12345678901234"),
        FEEDBACK.path: lambda: etax_feedback("MTC0001", START, ""),
    }[endpoint.path]()
    body = json.dumps({**json.loads(made.body), **changes}).encode()
    return msgspec.structs.replace(made, body=body)


def signature_of(request: Request) -> dict[str, str]:
    signature: dict[str, str] = json.loads(request.body)["signature"]
    return signature


@ENVELOPED
def test_a_true_envelope_is_opened(endpoint: Endpoint) -> None:
    assert decoded(enveloped(endpoint)).merchant is PARTNER


@ENVELOPED
def test_a_signature_of_another_key_is_07(endpoint: Endpoint) -> None:
    request = enveloped(endpoint)
    text = json.loads(request.body)["duLieu"]
    forged = rsa_sha256_sign(impostor_key(), text.encode())
    request = enveloped(endpoint, signature={**signature_of(request), "value": forged})
    refusal = refused(request)
    assert refusal.reason is Reason.BAD_SIGNATURE
    assert said(endpoint.encode(request, None, refusal))["tthai"] == "07"


@ENVELOPED
@pytest.mark.parametrize("value", ["AAAA", "không phải base64", " "])
def test_a_signature_that_is_none_is_07(endpoint: Endpoint, value: str) -> None:
    sealed = {**signature_of(enveloped(endpoint)), "value": value}
    assert refused(enveloped(endpoint, signature=sealed)).reason is Reason.BAD_SIGNATURE


@ENVELOPED
@pytest.mark.parametrize(
    "changes",
    [
        {"duLieu": ""},
        {"duLieu": None},
        {"duLieu": 7},
        {"duLieu": "không"},
        {"duLieu": "AA=A"},
        {"duLieu": "W10="},
        {"signature": None},
        {"signature": []},
        {"signature": {"value": "", "certificates": "x"}},
        {"signature": {"value": "x", "certificates": ""}},
        {"signature": {"value": "x", "certificates": 5}},
    ],
)
def test_an_envelope_with_something_missing_is_02(endpoint: Endpoint, changes: dict[str, object]) -> None:
    request = enveloped(endpoint, **changes)
    refusal = refused(request)
    assert refusal.reason is Reason.MALFORMED
    assert said(endpoint.encode(request, None, refusal))["tthai"] == "02"


def test_the_signature_is_over_the_base64_text_and_not_over_what_it_says() -> None:
    request = enveloped(CONFIRM)
    text = json.loads(request.body)["duLieu"]
    other_text_of_the_same_data = etax_sealed("/x", {"Magiaodich": "12345678901234"})
    mixed = enveloped(CONFIRM, duLieu=json.loads(other_text_of_the_same_data.body)["duLieu"])
    assert text != json.loads(mixed.body)["duLieu"]
    assert refused(mixed).reason is Reason.BAD_SIGNATURE


def test_the_certificates_are_kept_and_prove_nothing() -> None:
    sealed = signature_of(enveloped(CONFIRM))
    other = enveloped(CONFIRM, signature={**sealed, "certificates": "anything"})
    assert decoded(other).wire["certificates"] == "anything"


def test_sha1_is_believed_only_where_the_contract_says_so() -> None:
    sha1 = etax_sealed("/init-payment", etax_data("MTC0001", 50_000, START), hashes.SHA1())
    sha256 = etax_init("MTC0001", 50_000, START)
    old_contract = msgspec.structs.replace(PARTNER, options={"hash": "sha1"})
    assert refused(sha1).reason is Reason.BAD_SIGNATURE
    assert isinstance(decoded(sha1, old_contract), Create)
    assert refused(sha256, old_contract).reason is Reason.BAD_SIGNATURE


def test_a_contract_with_a_broken_key_verifies_nothing() -> None:
    broken = msgspec.structs.replace(PARTNER, secrets={**PARTNER.secrets, "partner_public_key": "no key"})
    assert refused(etax_confirm("1"), broken).reason is Reason.BAD_SIGNATURE


def test_another_partner_has_no_key() -> None:
    assert refused_init(maDoiTac="OTHER") == (Reason.UNKNOWN_MERCHANT, "07")


def test_names_are_read_in_any_case() -> None:
    data = {name.upper(): value for name, value in etax_data("MTC0001", 50_000, START).items()}
    command = decoded(etax_sealed("/init-payment", data))
    assert isinstance(command, Create)
    assert command.order.amount_vnd == 50_000


# --- opening a payment ---------------------------------------------------------------------------------------


def test_an_opening_becomes_an_order_with_its_payers_number() -> None:
    command = created()
    order = command.order
    assert (order.order_ref, order.order_key, order.amount_vnd) == ("MTC0001", "MTC0001", 50_000)
    assert (order.description, order.channel, command.pays_with) == (
        "Nop thue MTC0001",
        Channel.INTERNET_BANKING,
        "100000000001",
    )
    assert order.wire["khobac"] == "2411"


def test_a_card_pays_as_a_card() -> None:
    command = created(phuongThuc="card", soTaiKhoan_The="9704198526191432198")
    assert (command.order.channel, command.pays_with) == (Channel.CARD, "9704198526191432198")


@pytest.mark.parametrize("amount", [1, "2147483648", 3_000_000_000, "999999999999999"])
def test_an_amount_may_be_a_text_or_a_number_and_beyond_32_bits(amount: object) -> None:
    assert created(soTien=amount).order.amount_vnd == int(str(amount))


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.0", "1e3", " 1", "٣", "9" * 16, 10**15, 1.5, True, None, []])
def test_an_amount_that_is_no_plain_whole_number_is_02(amount: object) -> None:
    assert refused_init(soTien=amount) == (Reason.INVALID_AMOUNT, "02")


def test_another_currency_is_02() -> None:
    assert refused_init(maTienTe="USD") == (Reason.INVALID_CURRENCY, "02")


@pytest.mark.parametrize(
    "changes",
    [
        {"maThamChieu": ""},
        {"maThamChieu": "x" * 21},
        {"maThamChieu": "a-b"},
        {"maThamChieu": "a\n"},
        {"maThamChieu": 7},
        {"thongTinGiaoDich": ""},
        {"thongTinGiaoDich": "x" * 211},
        {"thongTinGiaoDich": "a\x00b"},
        {"ewalletToken": ""},
        {"ewalletToken": "x" * 65},
        {"phuongThuc": "CASH"},
        {"phuongThuc": None},
        {"ThongTinBienLai": None},
        {"ThongTinBienLai": []},
        {"ThongTinBienLai": receipt_info(khoBac="KB1")},
        {"ThongTinBienLai": receipt_info(tkthuHuong="1" * 20)},
        {"ThongTinBienLai": receipt_info(hoTenNguoiNop="")},
        {"ThongTinBienLai": receipt_info(phiLePhi=None)},
        {"ThongTinBienLai": receipt_info(dskhoanNop={})},
    ],
)
def test_what_is_missing_too_long_or_of_another_form_is_02(changes: dict[str, object]) -> None:
    assert refused_init(**changes) == (Reason.MALFORMED, "02")


def test_who_pays_in_anothers_name_may_be_the_only_one_named() -> None:
    assert created(ThongTinBienLai=receipt_info(hoTenNguoiNop="", hoTenNguoiNopThay="B")).order.order_ref == "MTC0001"


@pytest.mark.parametrize("number", ["12345", "9704198526191432198", "10000000000١"])
def test_a_number_that_is_no_account_is_01(number: str) -> None:
    assert refused_init(soTaiKhoan_The=number) == (Reason.WRONG_PAYER, "01")


@pytest.mark.parametrize("number", ["", None])
def test_a_token_without_a_number_is_118(number: object) -> None:
    assert refused_init(soTaiKhoan_The=number) == (Reason.WRONG_PAYER, "118")


def test_an_opened_payment_is_answered_with_its_number_and_the_kind_of_otp() -> None:
    assert told(INIT, payment()) == {
        "tthai": "00",
        "mota": "Thành công",
        "magiaodich": "12345678901234",
        "loaiOTP": "SMSOTP",
        "smartOTPUnlockCode": "",
        "lephi": "0",
    }


# --- confirming ----------------------------------------------------------------------------------------------


def test_a_confirmation_is_of_the_banks_number() -> None:
    command = decoded(etax_confirm("12345678901234", "123456"))
    assert isinstance(command, Confirm)
    assert (command.name, command.otp) == ("12345678901234", "123456")
    assert DIALECT.names(payment()) == ("12345678901234",)


@pytest.mark.parametrize(
    "changes",
    [
        {"Magiaodich": ""},
        {"OTP": ""},
        {"OTP": "1" * 21},
        {"loaiOTP": "TOKEN"},
        {"loaiOTP": ""},
        {"Magiaodich": "1" * 51},
    ],
)
def test_a_confirmation_without_its_fields_is_malformed(changes: dict[str, str]) -> None:
    assert refused(etax_confirm("12345678901234", **changes)).reason is Reason.MALFORMED


def test_the_kind_of_otp_is_read_in_any_case() -> None:
    assert isinstance(decoded(etax_confirm("12345678901234", loaiOTP="smsOtp")), Confirm)


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (payment(State.PAID, outcome=Outcome.SUCCESS), "00"),
        (payment(otp_tries=1), "071"),
        (payment(outcome=Outcome.UNKNOWN, step=Step.DONE), "99"),
        (payment(State.SUSPECTED, outcome=Outcome.SUSPECTED_FRAUD), "99"),
        (payment(State.FAILED, outcome=Outcome.INSUFFICIENT_FUNDS), "123"),
        (payment(State.FAILED, outcome=Outcome.WRONG_OTP, otp_tries=3), "071"),
        (payment(State.FAILED, outcome=Outcome.NOT_REGISTERED), "01"),
        (payment(State.FAILED, outcome=Outcome.ACCOUNT_LOCKED), "01"),
        (payment(State.FAILED, outcome=Outcome.OVER_LIMIT), "06"),
        (payment(State.FAILED, outcome=Outcome.MAINTENANCE), "06"),
        (payment(State.REVERSED, outcome=Outcome.REVERSED), "06"),
        (payment(State.EXPIRED, outcome=Outcome.TIMED_OUT), "118"),
        (payment(State.FAILED, outcome=Outcome.SUCCESS), "06"),
    ],
)
def test_a_confirmation_tells_how_it_ended(result: Payment, code: str) -> None:
    assert told(CONFIRM, result) == {"tthai": code, "mota": TEXTS[code], "ewalletToken": ""}


@pytest.mark.parametrize("endpoint", [INIT, CONFIRM])
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_only_collected_or_opened_is_00(endpoint: Endpoint, state: State, outcome: Outcome | None) -> None:
    code = told(endpoint, payment(state, outcome=outcome))["tthai"]
    collected = state in (State.PAID, State.PARTLY_REFUNDED, State.REFUNDED)
    assert (code == "00") == (collected or (state is State.PENDING and outcome is None))


def test_every_code_of_the_table_is_told_by_something() -> None:
    linking = {"052", "053", "054", "056", "057", "058", "061", "132"}
    assert set(TEXTS) == {*CODES.values(), *OUTCOMES.values(), *linking, "02", "06"}


@ENVELOPED
@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_has_its_code(endpoint: Endpoint, reason: Reason) -> None:
    expected = {
        **{Reason.UNKNOWN_MERCHANT: "07", Reason.BAD_SIGNATURE: "07", Reason.UNKNOWN_ORDER: "104"},
        **{Reason.NOT_PAID: "104", Reason.TIMED_OUT: "99", Reason.UNKNOWN: "99", Reason.EXPIRED: "118"},
        **{Reason.MAINTENANCE: "142", Reason.WRONG_PAYER: "01"},
    }
    assert told(endpoint, Refusal(reason))["tthai"] == expected.get(reason, "02")


# --- links: etax-lpb#link --------------------------------------------------------------------------------------


def link_refused(path: str, **changes: object) -> str:
    request = etax_link_payer(path=path, **changes)
    endpoint, _ = endpoint_of(DIALECT, request)
    code: str = said(endpoint.encode(request, None, refused(request)))["tthai"]
    return code


@pytest.mark.parametrize("path", ["/verify-payer-info", "/link-payer-info"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Mst": ""}, "02"),
        ({"Mst": "1" * 15}, "02"),
        ({"Mst": "01-0"}, "02"),
        ({"Loai": "MOVE"}, "02"),
        ({"DienThoai": " "}, "058"),
        ({"DienThoai": None}, "058"),
        ({"LoaiGiayTo": "GPLX"}, "02"),
        ({"LoaiGiayTo": "CMND", "SoGiayTo": ""}, "052"),
        ({"LoaiGiayTo": "CCCD", "SoGiayTo": ""}, "053"),
        ({"LoaiGiayTo": "HC", "SoGiayTo": ""}, "054"),
        ({"PhuongThuc": "WALLET"}, "02"),
        ({"SoTaiKhoan_The": ""}, "02"),
        ({"SoTaiKhoan_The": "12345"}, "056"),
        ({"SoTaiKhoan_The": "10000000000١"}, "056"),
        ({"PhuongThuc": "CARD", "SoTaiKhoan_The": "100000000001"}, "057"),
        ({"PhuongThuc": "CARD", "SoTaiKhoan_The": "9704198526191432198", "NgayPhatHanh": ""}, "061"),
    ],
)
def test_what_is_said_of_a_taxpayer_is_checked(path: str, changes: dict[str, object], code: str) -> None:
    assert link_refused(path, **changes) == code


@pytest.mark.parametrize("token", ["", "TOKEN0001", "T100000000001" + "0" * 12, "T" * 64])
def test_only_a_token_of_this_bank_is_closed(token: str) -> None:
    assert link_refused("/link-payer-info", Loai="CLOSE", EwalletToken=token) == "132"


def test_a_link_says_what_is_to_be_done() -> None:
    assert link_refused("/link-payer-info", Loai=None) == "02"
    assert isinstance(decoded(etax_link_payer(path="/verify-payer-info", Loai=None)), Ask)
    numbers = etax_link_payer(Mst=100000000, DienThoai=84912345678, SoTaiKhoan_The=100000000001)
    assert isinstance(decoded(numbers), Ask)


# --- feedback ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "order_key"),
    [
        ({"tthai": "00", "mota": "OK", "Magiaodich": "12345678901234"}, "12345678901234", ""),
        ({"maThamChieu": "MTC0001", "maDoiTac": "ETAX"}, "", "MTC0001"),
    ],
)
def test_a_feedback_asks_by_number_or_by_reference(data: dict[str, str], name: str, order_key: str) -> None:
    command = decoded(etax_sealed("/feedback-transaction", data))
    assert isinstance(command, Query)
    assert (command.name, command.order_key) == (name, order_key)


def test_a_feedback_of_nothing_is_malformed() -> None:
    assert refused(etax_sealed("/feedback-transaction", {"tthai": "00"})).reason is Reason.MALFORMED


def test_what_etax_reports_is_noted() -> None:
    assert decoded(etax_feedback("MTC0001", START, "")).warnings == ("eTax says tthai 00",)


@pytest.mark.parametrize(
    ("result", "progress", "status"),
    [
        (payment(), "I", "S"),
        (payment(State.SUSPECTED), "I", "S"),
        (payment(State.PAID), "C", "S"),
        (payment(State.REFUNDED), "C", "S"),
        (payment(State.FAILED), "C", "F"),
        (payment(State.REVERSED), "C", "F"),
        (payment(State.FAILED, settled_at=START), "I", "F"),
    ],
)
def test_a_feedback_is_answered_with_progress_and_status(result: Payment, progress: str, status: str) -> None:
    fields = told(FEEDBACK, result)
    assert (fields["tthai"], fields["progress"], fields["status"]) == ("00", progress, status)


# --- CITAD ---------------------------------------------------------------------------------------------------


def at_cut_off(**options: str) -> Merchant:
    return msgspec.structs.replace(PARTNER, options={**PARTNER.options, **options})


@pytest.mark.parametrize(
    ("options", "minutes", "closed"),
    [
        ({}, 12 * 60, False),
        ({"citad_cut_off": "16:00"}, 0, False),
        ({"citad_cut_off": "16:00"}, 6 * 60 - 1, False),
        ({"citad_cut_off": "16:00"}, 6 * 60, True),
        ({"citad_cut_off": "16:00", "treasuries": "2411"}, 6 * 60, False),
        ({"citad_cut_off": "16:00", "treasuries": "0111,0112"}, 6 * 60, True),
    ],
)
def test_a_transfer_to_another_bank_waits_for_no_one_after_the_cut_off(
    options: dict[str, str], minutes: int, closed: bool
) -> None:
    merchant, now = at_cut_off(**options), START + timedelta(minutes=minutes)
    opening = msgspec.structs.replace(created(), merchant=merchant)
    confirming = Confirm(merchant=merchant, name="1", otp="1")
    for command, known in ((opening, None), (confirming, payment())):
        if not closed:
            judge(command, known, now)
            continue
        with pytest.raises(Refusal) as caught:
            judge(command, known, now)
        assert told(INIT, caught.value)["tthai"] == "142"


# --- receipts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "code"),
    [
        ({"MaXacThuc": "0" * 64}, Reason.BAD_SIGNATURE, "07"),
        ({"MaXacThuc": ""}, Reason.BAD_SIGNATURE, "07"),
        ({"ThoiGianGD": "20250101000000"}, Reason.BAD_SIGNATURE, "07"),
        ({"MaDoiTac": "OTHER"}, Reason.UNKNOWN_MERCHANT, "07"),
        ({"MaThamChieu": ""}, Reason.MALFORMED, "02"),
        ({"MaThamChieu": "x" * 21}, Reason.MALFORMED, "02"),
    ],
)
def test_a_receipt_is_printed_only_for_who_proves_himself(changes: dict[str, str], reason: Reason, code: str) -> None:
    request = etax_print("MTC0001", START, **changes)
    refusal = refused(request)
    assert refusal.reason is reason
    assert said(PRINT.encode(request, None, refusal)) == {"MaLoi": code, "MoTaLoi": TEXTS[code], "URLBienLai": ""}


def test_a_link_is_for_this_bank_alone() -> None:
    true = etax_link("MTC0001", START)
    assert isinstance(decoded(true), GetReceipt)
    for changed in (
        msgspec.structs.replace(true, query=true.query.replace(b"MTC0001", b"MTC0002")),
        msgspec.structs.replace(true, query=true.query.replace(b"2026", b"2036")),
        msgspec.structs.replace(true, path=true.path[:-1] + ("0" if true.path[-1] != "0" else "1")),
        msgspec.structs.replace(true, query=b""),
    ):
        refusal = refused(changed)
        assert LINK.encode(changed, None, refusal).status == 400


def test_the_code_of_a_request_opens_no_link() -> None:
    """Both hash the same three texts but for a word before the link's."""
    true = etax_link("MTC0001", START)
    end = true.query.decode().rpartition("HetHan=")[2]
    code = receipt_code("ETAX", "MTC0001", end, PARTNER.secrets["secret"])
    assert refused(msgspec.structs.replace(true, path=f"/api/v1/get-receipt/{code}")).reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(("seconds", "ended"), [(0, False), (299, False), (300, True)])
def test_a_link_is_valid_for_five_minutes(seconds: int, ended: bool) -> None:
    command = decoded(etax_link("MTC0001", START))
    if not ended:
        judge(command, payment(State.PAID), START + timedelta(seconds=seconds))
        return
    with pytest.raises(Refusal) as caught:
        judge(command, payment(State.PAID), START + timedelta(seconds=seconds))
    response = LINK.encode(etax_link("MTC0001", START), command, caught.value)
    assert (response.status, response.body) == (400, b"Link da het han")


def test_a_receipt_without_details_names_the_order() -> None:
    bare = msgspec.structs.replace(payment(State.PAID), order=msgspec.structs.replace(created().order, wire={}))
    receipt = etax._receipt(bare, PARTNER)
    assert (receipt.collector_name, receipt.fees) == (PARTNER.name, (("Nop thue MTC0001", 50_000),))


@pytest.mark.parametrize(
    ("fees", "lines", "shown"),
    [
        ([{"tenPhiLePhi": "Thuế", "soTien": "7"}], [{"noiDung": "Khoản", "soTien": 9}], (("Thuế", 7),)),
        ([], [{"NoiDung": "Khoản", "SoTien": 9}, "x", {"soTien": "x"}], (("Khoản", 9), ("", 0))),
        ([], [], (("Nop thue MTC0001", 50_000),)),
    ],
)
def test_a_receipt_lists_the_fees_or_else_the_lines_that_were_paid(
    fees: list[object], lines: list[object], shown: tuple[tuple[str, int], ...]
) -> None:
    order = created(ThongTinBienLai=receipt_info(phiLePhi=fees, dskhoanNop=lines)).order
    assert etax._receipt(payment(State.PAID, order=order), PARTNER).fees == shown


# --- nothing is announced ------------------------------------------------------------------------------------


def test_this_bank_calls_nobody_back() -> None:
    assert DIALECT.announces == frozenset()
    merchant = msgspec.structs.replace(PARTNER, callback_url="http://p/callback")
    notice = Notice(payment=payment(State.PAID), merchant=merchant, now=START)
    assert json.loads(callback(notice).body)["tthai"] == "00"
    for body in (b"", b"OK", b'{"tthai":"00"}'):
        assert not acknowledged(Answer(200, (), body), notice).done


# --- whole payments ------------------------------------------------------------------------------------------


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with worlds_in(tmp_path) as worlds:
        yield await worlds.create("ci", seed="1", clock_at=START)


async def of(world: World, request: Request) -> dict[str, Any]:
    return said((await ask(world, "etax", request)).response)


async def opened(world: World, ref: str = "MTC0001", **changes: object) -> str:
    fields = await of(world, etax_init(ref, 50_000, START, **changes))
    assert fields["tthai"] == "00"
    number: str = fields["magiaodich"]
    return number


async def booked(world: World) -> list[int]:
    return [entry.amount_vnd for entry in await world.store.ledger(world.name)]


async def test_a_payment_is_opened_confirmed_and_its_receipt_read(world: World) -> None:
    number = await opened(world)
    assert (await of(world, etax_print("MTC0001", START)))["MaLoi"] == "104"
    assert (await of(world, etax_confirm(number, "000000")))["tthai"] == "071"
    assert (await of(world, etax_feedback("MTC0001", START, "")))["progress"] == "I"
    assert (await of(world, etax_confirm(number)))["tthai"] == "00"
    assert (await of(world, etax_confirm(number)))["tthai"] == "02"
    assert await booked(world) == [50_000]
    assert (await of(world, etax_feedback("MTC0001", START, "")))["progress"] == "C"
    link = urlsplit((await of(world, etax_print("MTC0001", START)))["URLBienLai"])
    assert f"{link.scheme}://{link.netloc}" == "http://banksim.test"
    path = link.path.removeprefix("/s/ci/etax")
    response = (await ask(world, "etax", Request("GET", path, query=link.query.encode()))).response
    text = " ".join(PdfReader(io.BytesIO(response.body)).pages[0].extract_text().split())
    for shown in ("Chi cục Thuế khu vực Hạ Long", "Nguyễn Văn A", "H49.12.6-261122-0001", "Thuế đất 50.000", number):
        assert shown in text, shown
    assert await world.store.deliveries(world.name) == []


async def test_a_reference_is_used_once(world: World) -> None:
    number = await opened(world)
    assert (await of(world, etax_init("MTC0001", 60_000, START)))["tthai"] == "02"
    assert (await of(world, etax_confirm(number)))["tthai"] == "00"
    assert await booked(world) == [50_000]


async def linked(world: World, **changes: object) -> tuple[str, str]:
    """(the number of a link, the token that it makes)."""
    opening = await of(world, etax_link_payer(**changes))
    assert (opening["tthai"], opening["loaiOTP"]) == ("00", "SMSOTP")
    number = opening["magiaodich"]
    assert len(number) > 14
    assert (await of(world, etax_confirm(number, "000000"))) == {"tthai": "071", "mota": "Sai OTP", "ewalletToken": ""}
    fields = await of(world, etax_confirm(number))
    assert fields["tthai"] == "00"
    return number, fields["ewalletToken"]


@pytest.mark.parametrize(
    ("kind", "number", "more"),
    [("ACCOUNT", "100000000001", {}), ("CARD", "9704198526191432198", {"NgayPhatHanh": "07/15"})],
)
async def test_a_linked_account_or_card_pays_by_its_token_alone(
    world: World, kind: str, number: str, more: dict[str, str]
) -> None:
    assert (await of(world, etax_link_payer(path="/verify-payer-info")))["tthai"] == "00"
    _, token = await linked(world, PhuongThuc=kind, SoTaiKhoan_The=number, **more)
    opening = await opened(world, ewalletToken=token, soTaiKhoan_The="", phuongThuc=kind)
    assert (await of(world, etax_confirm(opening)))["tthai"] == "00"
    assert await booked(world) == [50_000]
    other = token[:-1] + ("0" if token[-1] != "0" else "1")
    assert refused_init(ewalletToken=other, soTaiKhoan_The="") == (Reason.WRONG_PAYER, "118")


async def test_a_token_is_closed_by_otp(world: World) -> None:
    number, token = await linked(world)
    closing = await of(world, etax_link_payer(Loai="CLOSE", EwalletToken=token))
    assert closing["tthai"] == "00"
    assert closing["magiaodich"] != number
    assert (await of(world, etax_confirm(closing["magiaodich"], "000000")))["tthai"] == "071"
    assert (await of(world, etax_confirm(closing["magiaodich"])))["ewalletToken"] == token
    assert (await of(world, etax_confirm("1" + closing["magiaodich"][1:])))["tthai"] == "104"
    assert await world.store.payments(world.name) == []


@pytest.mark.parametrize(("seconds", "code", "debited"), [(299, "00", [50_000]), (300, "118", [])])
async def test_a_password_is_good_for_five_minutes(tmp_path: Path, seconds: int, code: str, debited: list[int]) -> None:
    """tt-50-2024#otp"""
    async with worlds_in(tmp_path) as worlds, courier_of(worlds) as courier:
        world = await worlds.create("late", seed="1", clock_at=START)
        number = await opened(world)
        await courier.advance(world, START + timedelta(seconds=seconds))
        assert (await of(world, etax_confirm(number)))["tthai"] == code
        assert await booked(world) == debited


async def test_three_wrong_passwords_end_the_payment(world: World) -> None:
    number = await opened(world)
    codes = [(await of(world, etax_confirm(number, "000000")))["tthai"] for _ in range(3)]
    assert codes == ["071"] * 3
    assert (await of(world, etax_confirm(number)))["tthai"] == "118"
    assert await booked(world) == []


@pytest.mark.parametrize(
    ("account", "opening", "confirmation"),
    [
        ("100000000051", "00", "123"),
        ("100000000065", "00", "06"),
        ("100000000007", "00", "99"),
        ("999999999999", "01", "104"),
    ],
)
async def test_the_payers_account_decides(world: World, account: str, opening: str, confirmation: str) -> None:
    fields = await of(world, etax_init("MTC0001", 50_000, START, soTaiKhoan_The=account))
    assert fields["tthai"] == opening
    number = fields["magiaodich"] or "12345678901234"
    assert (await of(world, etax_confirm(number)))["tthai"] == confirmation


async def test_a_payment_that_another_settled_cannot_be_confirmed(world: World) -> None:
    number = await opened(world)
    (stored,) = await world.store.payments(world.name)
    await act(world, stored.payment_id, Event.CANCEL)
    assert (await of(world, etax_confirm(number)))["tthai"] == "118"


async def test_an_unknown_number_is_104(world: World) -> None:
    assert (await of(world, etax_confirm("12345678901234")))["tthai"] == "104"
    assert (await of(world, etax_feedback("MTC0009", START, "")))["tthai"] == "104"
    link = await ask(world, "etax", etax_link("MTC0009", START))
    assert (link.response.status, link.response.body) == (400, b"Khong tim thay ma tham chieu")


# --- whatever comes ------------------------------------------------------------------------------------------


def understood(request: Request) -> Command | Refusal:
    try:
        return decoded(request)
    except Refusal as refusal:
        return refusal


calmly = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
LINK_NAMES = ("Mst", "Loai", "DienThoai", "LoaiGiayTo", "SoGiayTo", "NgayPhatHanh", "EwalletToken")
NAMES = st.sampled_from(
    [*etax_data("A", 1, START), *LINK_NAMES, "Magiaodich", "OTP", "loaiOTP", "tthai", "phiLePhi", "dskhoanNop"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)


@calmly
@given(
    changes=st.dictionaries(NAMES, VALUES),
    path=st.sampled_from([VERIFY.path, LINK_PAYER.path, INIT.path, CONFIRM.path, FEEDBACK.path]),
)
def test_anything_that_is_truly_signed_is_understood_or_refused(changes: dict[str, Any], path: str) -> None:
    request = etax_sealed(path.removeprefix("/api/v1"), {**etax_data("MTC0001", 50_000, START), **changes})
    command = understood(request)
    if isinstance(command, Refusal):
        endpoint, _ = endpoint_of(DIALECT, request)
        assert said(endpoint.encode(request, None, command))["tthai"] in TEXTS
    if isinstance(command, Create):
        assert 0 < command.order.amount_vnd < 10**15
        assert etax._receipt(payment(order=command.order), PARTNER).fees


@calmly
@given(body=st.binary(max_size=200) | st.dictionaries(NAMES, VALUES).map(lambda value: json.dumps(value).encode()))
def test_any_body_is_refused_with_a_code(body: bytes) -> None:
    for endpoint in (VERIFY, LINK_PAYER, INIT, CONFIRM, FEEDBACK, PRINT):
        request = Request("POST", endpoint.path, body=body)
        fields = said(endpoint.encode(request, None, refused(request)))
        assert fields.get("tthai", fields.get("MaLoi")) == "02"


def test_every_assumption_says_what_and_why() -> None:
    assert len({each.key for each in DIALECT.assumptions}) == len(DIALECT.assumptions) > 10
    assert all(each.key and each.value and each.why for each in DIALECT.assumptions)
