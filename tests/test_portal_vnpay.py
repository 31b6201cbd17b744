"""The portal at VNPAY: what it signs, whom it believes, and what it answers."""

import json
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Outcome, Rejected
from conformance.targets.portal.protocols import vnpay
from conformance.targets.portal.protocols.seals import hmac_sha512
from conformance.targets.portal.protocols.vnpay import VnpayContract
from tests.portals import FEE_VND, VNPAY_SECRET, running, vnpay_fields, vnpay_query

CONTRACT = VnpayContract()
NO_FLAWS: frozenset[Flaw] = frozenset()

# vnpay-pay-2-1-0: an example of the document's own, its signature made by npm vnpay 2.5.0 as well.
KNOWN_CALLBACK = (
    "vnp_Amount=1806000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14226112&vnp_CardType=ATM"
    "&vnp_OrderInfo=Thanh+toan+don+hang+%3A5&vnp_PayDate=20210801153512&vnp_ResponseCode=00&vnp_TmnCode=DEMOV210"
    "&vnp_TransactionNo=14226112&vnp_TransactionStatus=00&vnp_TxnRef=5"
)
KNOWN_SIGNATURE = (
    "91d38ed30952cf126d44926bbcdac929732c75a6bea64f43d284f5585e9f754a"
    "90bcbf655bf7c1600c911f27e44a7a432a7be6831d534d61c7cae58613f4e846"
)
KNOWN_QUERY = (
    "REQ001|2.1.0|querydr|DEMOV210|5|20210801153333|20210801160000|127.0.0.1|Truy van GD:5",
    "51744efcb724da28bfc29a90badd9a20e63745df71c016f653cf02056fe232295577fb9b126c0ed2a79fba08a55005b76254c81c077dc8c5ae8fc8634831fe37",
)


def test_a_known_callback_is_read() -> None:
    word = vnpay.read_callback(CONTRACT, f"{KNOWN_CALLBACK}&vnp_SecureHash={KNOWN_SIGNATURE}".encode(), NO_FLAWS)
    assert (word.order_ref, word.amount_vnd, word.outcome) == ("5", 18_060, Outcome.PAID)


def test_a_known_query_is_signed_alike() -> None:
    text, signature = KNOWN_QUERY
    assert hmac_sha512(VNPAY_SECRET, text) == signature


@pytest.mark.parametrize(
    "query",
    [
        f"vnp_SecureHash={KNOWN_SIGNATURE.upper()}&{KNOWN_CALLBACK}",
        f"{KNOWN_CALLBACK.replace('+', '%20')}&vnp_SecureHash={KNOWN_SIGNATURE}",
        f"utm_source=zalo&{KNOWN_CALLBACK}&vnp_SecureHashType=HMACSHA512&vnp_SecureHash={KNOWN_SIGNATURE}",
        "&".join([*reversed(KNOWN_CALLBACK.split("&")), f"vnp_SecureHash={KNOWN_SIGNATURE}"]),
    ],
    ids=["upper case", "blanks as %20", "a stranger's parameter", "another order"],
)
def test_what_the_bank_signed_is_believed_however_it_travelled(query: str) -> None:
    assert vnpay.read_callback(CONTRACT, query.encode(), NO_FLAWS).order_ref == "5"


@pytest.mark.parametrize(
    "query",
    [
        "",
        KNOWN_CALLBACK,
        f"{KNOWN_CALLBACK}&vnp_SecureHash=",
        f"{KNOWN_CALLBACK}&vnp_SecureHash={KNOWN_SIGNATURE[:-1]}",
        f"{KNOWN_CALLBACK}&vnp_SecureHash={KNOWN_SIGNATURE[1:]}",
        f"{KNOWN_CALLBACK.replace('1806000', '1806001')}&vnp_SecureHash={KNOWN_SIGNATURE}",
        f"{KNOWN_CALLBACK}&vnp_Amount=100&vnp_SecureHash={KNOWN_SIGNATURE}",
        f"{KNOWN_CALLBACK}&vnp_SecureHash=%F0%9F%92%B0",
        vnpay_query(dict(parse_qsl(KNOWN_CALLBACK)), secret="another"),
    ],
    ids=["empty", "missing", "blank", "cut at the end", "cut in front", "changed", "twice", "hostile", "another key"],
)
def test_what_the_bank_did_not_sign_is_not_believed(query: str) -> None:
    with pytest.raises(Rejected, match="bad_signature"):
        vnpay.read_callback(CONTRACT, query.encode(), NO_FLAWS)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(query: bytes) -> None:
    with pytest.raises(Rejected):
        vnpay.read_callback(CONTRACT, query, NO_FLAWS)


@pytest.mark.parametrize(
    ("response", "status", "outcome"),
    [
        ("00", "00", Outcome.PAID),
        *((code, "02", Outcome.FAILED) for code in ["09", "10", "11", "12", "13", "24", "51", "65", "75", "79", "99"]),
        *(("00", code, Outcome.UNKNOWN) for code in ["01", "02", "04", "05", "06", "07", "09", "88"]),
        ("07", "07", Outcome.UNKNOWN),
        ("07", "00", Outcome.UNKNOWN),
        ("24", "00", Outcome.UNKNOWN),
        ("24", "01", Outcome.UNKNOWN),
        ("99", "04", Outcome.UNKNOWN),
        ("88", "88", Outcome.UNKNOWN),
        ("88", "00", Outcome.UNKNOWN),
    ],
)
def test_success_needs_both_codes_and_failure_a_known_one(response: str, status: str, outcome: Outcome) -> None:
    fields = vnpay_fields("5", vnp_ResponseCode=response, vnp_TransactionStatus=status)
    assert vnpay.read_callback(CONTRACT, vnpay_query(fields).encode(), NO_FLAWS).outcome is outcome


async def test_an_order_says_what_the_document_wants(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare("H49.12.6-261122-0001", 1_200_000)
        opened = await portal.open("vnpay", "H49.12.6-261122-0001")
    fields = dict(parse_qsl(urlsplit(opened["url"]).query))
    signature = fields.pop("vnp_SecureHash")
    assert vnpay_query(fields).endswith(signature)
    assert fields == {
        "vnp_Version": "2.1.0",
        "vnp_Command": "pay",
        "vnp_TmnCode": "DEMOV210",
        "vnp_Amount": "120000000",
        "vnp_CreateDate": "20261122120000",
        "vnp_ExpireDate": "20261122121500",
        "vnp_CurrCode": "VND",
        "vnp_IpAddr": "127.0.0.1",
        "vnp_Locale": "vn",
        "vnp_OrderInfo": "Le phi ho so H49 12 6 261122 0001",
        "vnp_OrderType": "other",
        "vnp_ReturnUrl": "http://portal.test/return/vnpay",
        "vnp_TxnRef": opened["order_ref"],
    }
    assert opened["kind"] == "redirect"


async def test_a_qr_code_is_fetched_and_handed_on(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay", method="qr")
        page = await portal.http.get(urlsplit(opened["url"]).path)
    assert (opened["kind"], opened["payload"]) == ("qr", "000201")
    assert portal.bank.asked[0]["vnp_Command"] == "genqr"
    assert "<svg" in page.text


async def test_a_paid_order_settles_its_dossier(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("paid", FEE_VND, 1)
    assert status["notifications"] == 1


@pytest.mark.parametrize(("says", "code"), [(True, "02"), (False, "00")])
async def test_a_repetition_is_acknowledged_by_choice(tmp_path: Path, says: bool, code: str) -> None:
    async with running(tmp_path, says_already_confirmed=says) as portal:
        opened = await portal.open("vnpay")
        await portal.vnpay(opened["order_ref"])
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == code
        assert (await portal.status())["receipts"] == 1


async def test_a_failure_is_acknowledged_and_a_success_may_follow(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        failed = {"vnp_ResponseCode": "24", "vnp_TransactionStatus": "02", "vnp_BankTranNo": "absent"}
        assert (await portal.vnpay(opened["order_ref"], **failed))["RspCode"] == "00"
        assert (await portal.status())["status"] == "failed"
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        assert (await portal.status())["status"] == "paid"
        assert (await portal.vnpay(opened["order_ref"], **failed))["RspCode"] == "02"
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"]) == ("paid", FEE_VND)
    assert len(status["discrepancies"]) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vnp_Amount": str(FEE_VND * 100 - 100)}, "04"),
        ({"vnp_Amount": str(FEE_VND * 100 + 1)}, "04"),
        ({"vnp_Amount": str(FEE_VND)}, "04"),
        ({"vnp_Amount": str(FEE_VND * 10_000)}, "04"),
        ({"vnp_Amount": "-5000000"}, "04"),
        ({"vnp_Amount": "0"}, "04"),
        ({"vnp_Amount": "5000000.0"}, "04"),
        ({"vnp_Amount": "năm mươi nghìn"}, "04"),
        ({"vnp_Amount": "٥٠٠٠٠٠٠"}, "04"),
        ({"vnp_Amount": "9" * 5000}, "04"),
        ({"vnp_TmnCode": "DEMOV211"}, "01"),
        ({"vnp_TxnRef": "HS-0001"}, "01"),
        ({"vnp_TransactionStatus": "absent"}, "99"),
        ({"vnp_Amount": "absent"}, "99"),
    ],
)
async def test_a_true_signature_is_not_enough(tmp_path: Path, changes: dict[str, str], code: str) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        assert (await portal.vnpay(opened["order_ref"], **changes))["RspCode"] == code
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("pending", 0, 0)


async def test_a_false_signature_changes_nothing_and_tells_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        fields = vnpay_fields(opened["order_ref"])
        before = await portal.status()
        answer = await portal.vnpay_raw(vnpay_query(fields, secret="a forger's"))
        assert answer == {"RspCode": "97", "Message": "Invalid signature"}
        assert await portal.status() == before
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        assert (await portal.status())["status"] == "paid"


async def test_unknown_and_missing_optional_fields_are_taken(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        changes = dict.fromkeys(("vnp_BankTranNo", "vnp_CardType", "vnp_PayDate", "vnp_OrderInfo"), "absent")
        answer = await portal.vnpay(opened["order_ref"], **changes, vnp_Promotion="Tết (2026) ~*'!")
        assert answer["RspCode"] == "00"
        assert (await portal.status())["status"] == "paid"


async def test_amounts_beyond_32_bits_are_settled(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare(fee_vnd=99_999_999_999)
        opened = await portal.open("vnpay")
        assert (await portal.vnpay(opened["order_ref"], 99_999_999_999))["RspCode"] == "00"
        assert (await portal.status())["amount_paid_vnd"] == 99_999_999_999


async def test_the_portals_own_failure_asks_the_bank_to_repeat(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        with portal.portal.books.writing() as entries:
            entries._run("ALTER TABLE receipts RENAME TO gone")
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "99"
        with portal.portal.books.writing() as entries:
            entries._run("ALTER TABLE gone RENAME TO receipts")
        assert (await portal.status())["status"] == "pending"
        assert (await portal.vnpay(opened["order_ref"]))["RspCode"] == "00"
        assert (await portal.status())["receipts"] == 1


async def test_the_return_settles_nothing_however_genuine(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        query = vnpay_query(vnpay_fields(opened["order_ref"]))
        page = await portal.http.get(f"/return/vnpay?{query}")
        assert page.status_code == 200
        assert 'data-status="pending"' in page.text
        assert (await portal.status())["status"] == "pending"
        assert portal.bank.asked == []


async def test_the_return_may_make_the_portal_ask(tmp_path: Path) -> None:
    async with running(tmp_path, return_asks=True) as portal:
        opened = await portal.open("vnpay")
        page = await portal.http.get(f"/return/vnpay?{vnpay_query(vnpay_fields(opened['order_ref']))}")
        assert 'data-status="paid"' in page.text
        assert [asked["vnp_Command"] for asked in portal.bank.asked] == ["querydr"]


@pytest.mark.parametrize(
    "query",
    ["", "vnp_TxnRef=1", "vnp_TxnRef=1&vnp_TxnRef=2", quote("<script>alert(1)</script>"), "%FF%FE=%00", "a" * 5000],
)
async def test_any_return_is_shown_a_page(tmp_path: Path, query: str) -> None:
    async with running(tmp_path) as portal:
        page = await portal.http.get(f"/return/vnpay?{query}")
    assert page.status_code == 200
    assert "<script>" not in page.text


async def test_a_bank_that_posts_what_should_be_fetched_is_not_believed(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vnpay")
        response = await portal.http.post(f"/callbacks/vnpay?{vnpay_query(vnpay_fields(opened['order_ref']))}")
        assert response.status_code == 405
        assert (await portal.status())["status"] == "pending"


def test_acknowledgements_are_the_documents_codes() -> None:
    codes = {json.dumps(vnpay.acknowledge(effect, "")["RspCode"]) for effect in vnpay._ACKNOWLEDGEMENTS}
    assert codes == {'"00"', '"01"', '"02"', '"04"', '"97"', '"99"'}
