"""The suite's own signing, against published and computed vectors, and what a distortion does to a message."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from conformance.forge import Asked, Forge, No, NoSuchWord, Word
from simulator.client import Answer, Message

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()

BILLER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BILLER_PUBLIC = (
    BILLER.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)

SECRETS = {
    "vnpay": {"secret": "SIMULATORSECRETKEY0123456789ABCD"},
    "dvcqg": {"secret": "demo-secret"},
    "vietinbank": {"bank_private_key": PEM, "biller_public_key": BILLER_PUBLIC},
}

# vnpay-pay-2-1-0#ipn: the vector that npm vnpay 2.5.0 reproduces.
IPN = Message(
    "GET",
    "http://127.0.0.1:9/callbacks/vnpay?vnp_Amount=1806000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14226112"
    "&vnp_CardType=ATM&vnp_OrderInfo=Thanh+toan+don+hang+%3A5&vnp_PayDate=20210801153512&vnp_ResponseCode=00"
    "&vnp_TmnCode=DEMOV210&vnp_TransactionNo=14226112&vnp_TransactionStatus=00&vnp_TxnRef=5&vnp_SecureHash="
    "91d38ed30952cf126d44926bbcdac929732c75a6bea64f43d284f5585e9f754a"
    "90bcbf655bf7c1600c911f27e44a7a432a7be6831d534d61c7cae58613f4e846",
)

CONFIRM_FIELDS = {
    "LoaiBanTin": "CONFIRM",
    "MaLoi": "00",
    "MaDoiTac": "DEMO",
    "MaThamChieu": "MTC0001",
    "SoTien": 50000,
    "MaTienTe": "VND",
    "MaGiaoDich": "GD0001",
    "MaNganHang": "VCB",
    "ThoiGianGD": "20250102150505",
    "ThongTinGiaoDich": "THANH TOAN HO SO HS01",
    "MaXacThuc": "ed3d4d1ed00ec35aed4c4ee25112df84a85f2b12e9ef24acda9d61495ad46293",
}

FLAT_FIELDS = {
    "msgId": "M1",
    "providerId": "9111",
    "transId": "501690869",
    "transTime": "20240201140634",
    "transType": "3",
    "custCode": "2NDVNDV24012358711",
    "amount": "875800",
    "currencyCode": "VND",
    "bankTransId": "164T24200GKAJ7BY",
    "remark": "CT DEN:164T24200GKAJ7BY CK",
}
FLAT_TEXT = "501690869202402011406342NDVNDV24012358711875800164T24200GKAJ7BYCT DEN:164T24200GKAJ7BY CK"

RECORDS_FIELDS = {
    "header": {"msgType": "1200", "providerId": "9111", "recordNum": "1"},
    "data": {
        "records": [
            {
                "transId": "T1",
                "originalId": None,
                "transTime": "20240201140634",
                "custCode": "HS1",
                "custName": "A",
                "custAcct": "",
                "amount": "875800",
                "balance": "0",
                "status": {"code": "00"},
                "bankTransId": "B1",
                "remark": "R",
                "currencyCode": "VND",
            }
        ]
    },
}


def posted(fields: dict[str, Any]) -> Message:
    return Message("POST", "http://127.0.0.1:9/x", (("content-type", "application/json"),), json.dumps(fields).encode())


def forge(bank: str) -> Forge:
    return Forge(bank, SECRETS[bank])


MESSAGES: dict[str, tuple[str, Message]] = {
    "vnpay": ("vnpay", IPN),
    "dvcqg": ("dvcqg", posted(CONFIRM_FIELDS)),
    "flat": ("vietinbank", forge("vietinbank").signed(posted(FLAT_FIELDS))),
    "records": ("vietinbank", forge("vietinbank").signed(posted(RECORDS_FIELDS))),
}
every_message = pytest.mark.parametrize(("bank", "message"), MESSAGES.values(), ids=MESSAGES)


@every_message
def test_what_a_bank_signed_is_signed_alike_here(bank: str, message: Message) -> None:
    assert forge(bank).right_signature(message) == forge(bank).signature(message)


def test_a_flat_notice_is_signed_over_the_documented_text() -> None:
    message = MESSAGES["flat"][1]
    assert forge("vietinbank").text_to_sign(message) == FLAT_TEXT
    signature = base64.b64decode(forge("vietinbank").signature(message))
    KEY.public_key().verify(signature, FLAT_TEXT.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_records_are_signed_over_their_values_with_null_as_nothing() -> None:
    message = MESSAGES["records"][1]
    assert forge("vietinbank").text_to_sign(message) == "T120240201140634HS1A875800000B1R"


@every_message
def test_rewriting_a_message_changes_none_of_its_fields(bank: str, message: Message) -> None:
    again = forge(bank).signed(message)
    assert forge(bank).fields(again) == forge(bank).fields(message)
    assert again.headers == message.headers


@every_message
def test_a_changed_amount_is_in_the_banks_unit_and_signed_right(bank: str, message: Message) -> None:
    changed = forge(bank).changed(message, {Word.AMOUNT: 20_000})
    assert forge(bank).field(changed, Word.AMOUNT) == {"vnpay": "2000000"}.get(bank, "20000")
    assert forge(bank).signature(changed) == forge(bank).right_signature(changed)
    assert forge(bank).signature(changed) != forge(bank).signature(message)


def test_an_amount_stays_a_json_number_where_the_bank_sends_one() -> None:
    changed = forge("dvcqg").changed(MESSAGES["dvcqg"][1], {Word.AMOUNT: 1})
    assert json.loads(changed.body)["SoTien"] == 1


def test_an_amount_given_as_text_goes_out_as_it_is() -> None:
    changed = forge("vnpay").changed(IPN, {Word.AMOUNT: "abc"})
    assert forge("vnpay").field(changed, Word.AMOUNT) == "abc"


@every_message
def test_an_altered_message_keeps_the_old_signature(bank: str, message: Message) -> None:
    altered = forge(bank).altered(message, {Word.ORDER_REF: "OTHER"})
    assert forge(bank).field(altered, Word.ORDER_REF) == "OTHER"
    assert forge(bank).signature(altered) == forge(bank).signature(message)


@pytest.mark.parametrize("distort", [Forge.signed_by_another, Forge.signed_otherwise])
@every_message
def test_false_signatures_are_of_the_right_form_and_wrong(
    bank: str, message: Message, distort: Callable[[Forge, Message], Message]
) -> None:
    false = distort(forge(bank), message)
    assert forge(bank).signature(false) != forge(bank).signature(message)
    unsigned = forge(bank).with_signature
    assert unsigned(false, None) == unsigned(message, None)


@every_message
def test_a_signature_can_be_emptied_and_left_out(bank: str, message: Message) -> None:
    assert forge(bank).signature(forge(bank).with_signature(message, "")) == ""
    signature = forge(bank).signature(message)
    without = forge(bank).with_signature(message, None)
    assert signature not in without.url
    assert signature.encode() not in without.body


@every_message
def test_an_unknown_field_goes_out_under_a_right_signature(bank: str, message: Message) -> None:
    extended = forge(bank).extended(message, "Tet")
    assert "Tet" in f"{extended.url}{extended.body!r}"
    assert forge(bank).signature(extended) == forge(bank).right_signature(extended)


@every_message
def test_the_same_fields_are_written_otherwise_under_a_right_signature(bank: str, message: Message) -> None:
    spelt = forge(bank).respelled(message)
    assert (spelt.url, spelt.body) != (message.url, message.body)
    assert forge(bank).fields(spelt) == forge(bank).fields(message)
    assert forge(bank).signature(spelt) == forge(bank).right_signature(spelt)


@every_message
def test_only_where_a_token_proves_the_sender_are_there_false_ones(bank: str, message: Message) -> None:
    assert forge(bank).false_tokens(message) == {}


def test_one_field_of_a_banks_own_changes_under_a_right_signature() -> None:
    changed = forge("dvcqg").with_field(MESSAGES["dvcqg"][1], ("MaNganHang",), "BIDV")
    assert forge("dvcqg").fields(changed)["MaNganHang"] == "BIDV"
    assert forge("dvcqg").signature(changed) == forge("dvcqg").right_signature(changed)


@every_message
def test_optional_fields_can_be_left_out_under_a_right_signature(bank: str, message: Message) -> None:
    bare = forge(bank).without_optional(message)
    assert forge(bank).signature(bare) == forge(bank).right_signature(bare)
    if forge(bank).has(bare, Word.BANK_REF):
        assert forge(bank).field(bare, Word.BANK_REF) == ""


def test_a_merged_query_field_hides_its_neighbour_in_its_value() -> None:
    shifted = forge("vnpay").shifted(IPN)
    fields = parse_qs(urlsplit(shifted.url).query)
    assert fields["vnp_OrderInfo"] == ["Thanh toan don hang :5&vnp_PayDate=20210801153512"]
    assert "vnp_PayDate" not in fields
    assert forge("vnpay").signature(shifted) != forge("vnpay").right_signature(shifted)


def test_a_merged_confirmation_is_no_longer_what_was_signed() -> None:
    shifted = forge("dvcqg").shifted(MESSAGES["dvcqg"][1])
    assert forge("dvcqg").signature(shifted) != forge("dvcqg").right_signature(shifted)


@pytest.mark.parametrize(("kind", "amount"), [("flat", "87580"), ("records", "87580")])
def test_where_nothing_separates_values_a_shifted_amount_stays_validly_signed(kind: str, amount: str) -> None:
    bank, message = MESSAGES[kind]
    shifted = forge(bank).shifted(message)
    assert forge(bank).field(shifted, Word.AMOUNT) == amount
    assert forge(bank).signature(shifted) == forge(bank).right_signature(shifted)


def test_a_word_that_a_bank_does_not_know_is_named() -> None:
    with pytest.raises(NoSuchWord, match="currency"):
        forge("vnpay").changed(IPN, {Word.CURRENCY: "USD"})


def answered(fields: object, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(fields).encode())


def signed_by_biller(text: str) -> str:
    return base64.b64encode(BILLER.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def flat_answer(code: str, trans_id: str = "501690869") -> Answer:
    signature = signed_by_biller(f"{trans_id}{code}x")
    return answered({"transId": trans_id, "errorCode": code, "errorDesc": "x", "signature": signature})


@pytest.mark.parametrize(
    ("kind", "answer", "code", "accepted"),
    [
        ("vnpay", answered({"RspCode": "00", "Message": "Confirm Success"}), "00", True),
        ("vnpay", answered({"RspCode": "02", "Message": "Order already confirmed"}), "02", True),
        ("vnpay", answered({"RspCode": "97", "Message": "Invalid signature"}), "97", False),
        ("dvcqg", answered({"MaLoi": "00", "MoTaLoi": "Thanh cong"}), "00", True),
        ("dvcqg", answered({"MaLoi": "99", "MoTaLoi": "Loi khac"}), "99", False),
        ("flat", flat_answer("00"), "00", True),
        ("flat", flat_answer("05"), "05", True),
        ("flat", flat_answer("01"), "01", False),
    ],
)
def test_an_answer_is_read_as_the_bank_reads_it(kind: str, answer: Answer, code: str, accepted: bool) -> None:
    bank, message = MESSAGES[kind]
    said = forge(bank).said(answer, message)
    assert (said.code, said.problem) == (code, "")
    assert forge(bank).accepts(said, message) is accepted


@pytest.mark.parametrize(
    ("kind", "answer", "problem"),
    [
        ("vnpay", Answer(0, error="timed out after 15 s"), "timed out after 15 s"),
        ("vnpay", answered({"RspCode": "00", "Message": "x"}, status=302), "HTTP 302 instead of 200"),
        ("vnpay", Answer(200, (("content-type", "text/html"),), b"<p>ok"), "the body is no JSON (text/html)"),
        ("vnpay", answered({"RspCode": 0, "Message": "x"}), "RspCode is 0, a code as text is wanted"),
        ("vnpay", answered({"RspCode": "00"}), "Message is missing"),
        ("dvcqg", answered([]), "the body is no JSON object"),
        ("dvcqg", answered({}), "MaLoi is null, a code as text is wanted"),
        ("flat", flat_answer("00", "7"), "transId is '7' where '501690869' was asked"),
        (
            "flat",
            answered({"transId": "501690869", "errorCode": "00", "errorDesc": "x", "signature": "AAAA"}),
            "the answer is not signed with the biller's key",
        ),
    ],
)
def test_a_malformed_answer_is_told_and_never_accepted(kind: str, answer: Answer, problem: str) -> None:
    bank, message = MESSAGES[kind]
    said = forge(bank).said(answer, message)
    assert said.problem == problem
    assert not forge(bank).accepts(said, message)


def test_a_banks_own_refusal_codes_are_known_where_it_documents_them() -> None:
    assert forge("vnpay").refusals(No.UNKNOWN_ORDER, IPN) == {"01"}
    assert forge("dvcqg").refusals(No.UNKNOWN_ORDER, MESSAGES["dvcqg"][1]) == frozenset()


def test_a_connectors_request_is_read_in_its_banks_words() -> None:
    order = Message("GET", "/vnpay/pay?vnp_Amount=1806000&vnp_CreateDate=20210801153333&vnp_OrderInfo=a+b")
    asked = forge("vnpay").asked("create", order)
    assert asked == {Asked.AMOUNT: "18060", Asked.TIME: "20210801153333", Asked.DESCRIPTION: "a b"}
    assert forge("vietinbank").asked("create", order) == {}
