"""The sample portal beside the banks' files of a business day: what it finds, what it refuses, what it leaves alone."""

import base64
import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.days import FILED
from conformance.targets.portal.banks import counterparts
from conformance.targets.portal.business_days import EVERY_DAY, Calendar, treasury
from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.protocols import dvcqg_day, vietinbank_day, vnpay_day
from conformance.targets.portal.protocols.day_sheet import Unusable, read
from simulator.banks import dialects
from simulator.clock import VIETNAM
from simulator.holidays import public_holidays
from simulator.settlement.day import CutOff, day_of, parse_cut_off
from tests.portals import DVCQG_SECRET, FEE_VND, VNPAY_SECRET, Json, Running, running, streamed, vnpay_answer

SUNDAY = date(2026, 11, 22)
"""The day of the callbacks' times in tests.portals."""

FILE_SECRET = "demo-secret"
Row = dict[str, str]

VNPAY_HEADER = (
    "RecordType|TmnCode|TxnRef|TransactionNo|BankCode|Amount|PayDate|TransactionType|TransactionStatus|SecureHash"
)


def mac(text: str) -> str:
    return hmac.digest(VNPAY_SECRET.encode(), text.encode(), "sha512").hex()


def vnpay_row(order_ref: str, amount_vnd: int = FEE_VND, **changes: str) -> str:
    """ "spoilt" instead of its checksum if `seal` is given."""
    seal = changes.pop("seal", "")
    values = {
        "type": "02",
        "tmn": "DEMOV210",
        "ref": order_ref,
        "no": "14226112",
        "bank": "NCB",
        "amount": str(amount_vnd * 100),
        "at": "20261122120500",
        "kind": "01",
        "status": "00",
    } | changes
    text = "|".join(values.values())
    return f"{text}|{seal or mac(text)}"


def vnpay_file(*rows: str, header: str = VNPAY_HEADER, net_vnd: int | None = None, **changes: str) -> bytes:
    net_vnd = FEE_VND * len(rows) if net_vnd is None else net_vnd
    seal = changes.pop("seal", "")
    values = {
        "type": "09",
        "tmn": "DEMOV210",
        "day": "20261122",
        "count": str(len(rows)),
        "amount": str(net_vnd * 100),
        "made": "20261123070000",
    } | changes
    text = "|".join(values.values())
    return "\n".join((header, *rows, f"{text}|{seal or mac(text)}", "")).encode()


def md5(*values: str) -> str:
    return hashlib.md5("".join(values).encode(), usedforsecurity=False).hexdigest()


VA_COLUMNS = (
    "recordType,transId,providerId,merchantId,bankCode,branchCode,custAcctNo,recvVirtualAcctId,recvVirtualAcctName,"
    "custCode,custName,amount,currencyCode,payRefNo,merchantAcctNo,billCycle,billId,transTime,status,bankTransId,"
    "addField1,addField2,addField3,addField4,addField5,recordChecksum"
)


def va_row(trans_id: str, bill_code: str, amount_vnd: int = FEE_VND, **changes: str) -> str:
    known = {
        "recordType": "002",
        "transId": trans_id,
        "providerId": "9111",
        "custCode": bill_code,
        "amount": str(amount_vnd),
        "currencyCode": "VND",
        "transTime": "20261122120634",
        "status": "00",
    } | changes
    values = [known.get(name, "") for name in VA_COLUMNS.split(",")[:-1]]
    return "|".join((*values, md5(*values, FILE_SECRET)))


def va_file(*rows: str) -> bytes:
    values = ["009", "9111", "admin", str(sum(row.startswith("002") for row in rows)), "20261123070000"]
    return "\n".join((VA_COLUMNS, *rows, "|".join((*values, md5(*values, FILE_SECRET))), "")).encode()


TREASURY_HEADER = (
    "Loai|STT|MaGiaoDich|MaThamChieu|MaHoSo|MaCoQuanThu|LoaiKhoanThu|SoMon|SoTien|ThoiGianGD|TrangThai|MaXacThuc"
)


def treasury_line(*values: str) -> str:
    return "|".join((*values, hashlib.sha256("|".join((*values, DVCQG_SECRET)).encode()).hexdigest()))


def treasury_file(order_ref: str, amount_vnd: int = FEE_VND, total_vnd: int = FEE_VND, state: str = "TC") -> bytes:
    detail = ("CT", "1", "GD0001", order_ref, "", "SO", "LEPHI", "1", str(amount_vnd), "20261122120500", state)
    total = ("TH", "2", "", "", "", "SO", "LEPHI", "1", str(total_vnd), "", state)
    last = ("KT", "DEMO", "20261123", "20261120160000", "20261123160000", "2", str(amount_vnd))
    lines = (treasury_line(*detail), treasury_line(*total), treasury_line(*last))
    return "\n".join((TREASURY_HEADER, *lines, "")).encode()


async def handed_in(
    portal: Running, content: bytes, bank: str = "vnpay", day: date = SUNDAY, name: str = "20261122_DOISOAT.txt"
) -> tuple[int, Json]:
    response = await portal.http.post(
        "/api/reconciliations", data={"bank": bank, "business_date": day.isoformat()}, files={"file": (name, content)}
    )
    return response.status_code, response.json()


async def kinds(portal: Running, content: bytes, bank: str = "vnpay", day: date = SUNDAY) -> list[tuple[str, str]]:
    status, found = await handed_in(portal, content, bank, day)
    assert status == 200, found
    return [(each["kind"], each["order_ref"]) for each in found["findings"]]


async def paid_at_vnpay(portal: Running, code: str = "HS-1", **changes: str) -> str:
    order_ref = str((await portal.open("vnpay", code))["order_ref"])
    await portal.vnpay(order_ref, **changes)
    return order_ref


# --- what is found -----------------------------------------------------------------------------------------------


async def test_a_file_that_equals_the_books_has_no_findings(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        refs = [await paid_at_vnpay(portal, code) for code in ("HS-1", "HS-2")]
        assert await kinds(portal, vnpay_file(*(vnpay_row(ref) for ref in refs))) == []


async def test_each_difference_is_a_finding_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        less, back, twice, spoilt, missing = [await paid_at_vnpay(portal, f"HS-{each}") for each in range(5)]
        rows = (
            vnpay_row(less, FEE_VND - 1),
            vnpay_row(back, status="04"),
            vnpay_row(twice),
            vnpay_row(twice),
            vnpay_row(spoilt, seal="0" * 128),
            vnpay_row("NOBODYS"),
            vnpay_row(less, kind="03"),
        )
        assert await kinds(portal, vnpay_file(*rows)) == [
            ("amount_differs", less),
            ("status_differs", back),
            ("duplicate", twice),
            ("bad_row", spoilt),
            ("missing_at_portal", "NOBODYS"),
            ("missing_at_portal", less),
            ("missing_at_bank", missing),
        ]


async def test_nothing_that_is_found_changes_a_paid_dossier(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = await paid_at_vnpay(portal)
        before = await portal.status()
        for file in (vnpay_file(), vnpay_file(vnpay_row(order_ref, status="04")), vnpay_file(vnpay_row("X"))):
            await handed_in(portal, file)
        assert await portal.status() == before
        assert before["status"] == "paid"


async def test_what_the_bank_lists_and_the_books_have_open_is_asked_about(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = str((await portal.open("vnpay"))["order_ref"])
        file = vnpay_file(vnpay_row(order_ref))
        assert await kinds(portal, file) == [("missing_at_portal", order_ref)]
        assert [each["vnp_Command"] for each in portal.bank.asked] == ["querydr"]
        status = await portal.status()
        assert (status["status"], status["receipts"]) == ("paid", 1)
        assert await kinds(portal, file) == []
        await portal.vnpay(order_ref)
        assert (await portal.status())["receipts"] == 1


async def test_a_row_that_the_bank_does_not_confirm_settles_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        signed = (
            "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo"
            " TransactionType TransactionStatus OrderInfo PromotionCode PromotionAmount"
        )
        portal.bank.api = lambda asked: vnpay_answer(asked, signed, vnp_TransactionStatus="01")
        order_ref = str((await portal.open("vnpay"))["order_ref"])
        assert await kinds(portal, vnpay_file(vnpay_row(order_ref))) == [("missing_at_portal", order_ref)]
        portal.bank.api = lambda asked: streamed(b"", 500)
        await handed_in(portal, vnpay_file(vnpay_row(order_ref)))
        assert (await portal.status())["status"] == "pending"


async def test_a_row_of_an_earlier_day_agrees_and_ends_the_search_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = await paid_at_vnpay(portal)
        assert await kinds(portal, vnpay_file()) == [("missing_at_bank", order_ref)]
        monday = SUNDAY + timedelta(days=1)
        assert await kinds(portal, vnpay_file(vnpay_row(order_ref), day="20261123"), day=monday) == [
            ("late", order_ref)
        ]
        page = (await portal.http.get("/clerk/reconciliation?lang=en")).text
        assert "Solved" in page


async def test_a_payment_belongs_to_the_banks_day_of_the_money(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = await paid_at_vnpay(portal, vnp_PayDate="20261121235959")
        assert await kinds(portal, vnpay_file()) == []
        saturday = SUNDAY - timedelta(days=1)
        assert await kinds(portal, vnpay_file(day="20261121"), day=saturday) == [("missing_at_bank", order_ref)]


async def test_a_refund_is_matched_by_its_amount_once(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = await paid_at_vnpay(portal)
        given_back = await portal.http.post("/api/dossiers/HS-1/refund", json={"amount_vnd": 20_000})
        assert given_back.status_code == 200
        refund = vnpay_row(order_ref, 20_000, kind="03", no="14226113")
        assert await kinds(portal, vnpay_file(vnpay_row(order_ref), refund, net_vnd=FEE_VND - 20_000)) == []
        twice = vnpay_file(vnpay_row(order_ref), refund, refund, net_vnd=FEE_VND - 40_000)
        assert await kinds(portal, twice) == [("missing_at_portal", order_ref)]


async def test_virtual_accounts_are_matched_by_the_banks_own_number(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = str((await portal.open("vietinbank"))["bill_code"])
        await portal.notice(bill_code, bankTransId="")
        assert await kinds(portal, va_file(va_row("501690869", bill_code)), "vietinbank") == []
        late = va_file(va_row("501690869", bill_code, recordType="003"))
        assert await kinds(portal, late, "vietinbank") == [("late", bill_code)]
        back = va_file(va_row("501690869", bill_code, status="99"))
        assert await kinds(portal, back, "vietinbank") == [("status_differs", bill_code)]
        assert await kinds(portal, va_file(va_row("X", bill_code)), "vietinbank") == [
            ("missing_at_portal", bill_code),
            ("missing_at_bank", bill_code),
        ]
        assert (await portal.status())["receipts"] == 1


async def test_the_treasurys_details_and_sums_are_compared(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = str((await portal.open("dvcqg"))["order_ref"])
        await portal.confirm(order_ref)
        monday = SUNDAY + timedelta(days=1)
        assert await kinds(portal, treasury_file(order_ref), "dvcqg", monday) == []
        less = treasury_file(order_ref, FEE_VND - 1, FEE_VND - 1)
        assert await kinds(portal, less, "dvcqg", monday) == [("amount_differs", order_ref)]
        taken_back = treasury_file(order_ref, state="HUY")
        assert await kinds(portal, taken_back, "dvcqg", monday) == [("status_differs", order_ref)]
        status, found = await handed_in(portal, treasury_file(order_ref, total_vnd=1), "dvcqg", monday)
        assert (status, found["refused"]) == (422, "bad_total")


# --- the answer to the bank --------------------------------------------------------------------------------------


async def test_the_answer_has_the_banks_rows_with_what_was_found(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        right, less = [await paid_at_vnpay(portal, code) for code in ("HS-1", "HS-2")]
        rows = (vnpay_row(right), vnpay_row(less, FEE_VND - 1), vnpay_row("NOBODYS"))
        _, found = await handed_in(portal, vnpay_file(*rows, net_vnd=3 * FEE_VND - 1))
        assert found["reply_name"] == "20261122_KETQUA.txt"
        lines = base64.b64decode(found["reply_base64"]).decode().splitlines()
        assert lines[0] == VNPAY_HEADER.replace("SecureHash", "ReconcileStatus|SecureHash")
        told = [(line.split("|")[2], line.split("|")[9]) for line in lines[1:4]]
        assert told == [(right, "00"), (less, "03"), ("NOBODYS", "01")]
        assert all(line.rsplit("|", 1)[1] == mac(line.rsplit("|", 1)[0]) for line in lines[1:])
        kept = await portal.http.get("/clerk/reconciliation/vnpay/2026-11-22/reply")
        assert kept.content.decode().splitlines() == lines


async def test_virtual_accounts_are_answered_in_the_answers_own_order_of_columns(tmp_path: Path) -> None:
    """onefin-settle#va-reply: the bill's columns stand before the references, the word before the checksum."""
    async with running(tmp_path) as portal:
        bill_code = str((await portal.open("vietinbank"))["bill_code"])
        await portal.notice(bill_code)
        _, found = await handed_in(portal, va_file(va_row("501690869", bill_code)), "vietinbank", name="A_IN.txt")
        header, row, last = base64.b64decode(found["reply_base64"]).decode().splitlines()
        assert header.split(",")[13:18] == ["billCycle", "billId", "payRefNo", "merchantAcctNo", "transTime"]
        assert header.split(",")[-2:] == ["reconcileStatus", "recordChecksum"]
        values = row.split("|")
        assert values[-2:] == ["00", md5(*values[:-1], FILE_SECRET)]
        assert last.split("|")[3] == "1"
        assert found["reply_name"] == "A_OUT.txt"


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "other_layout"),
        (b"\xff\xfe\x00", "no_text"),
        (vnpay_file().decode().encode("utf-16"), "no_text"),
        (vnpay_file().replace(b"|", b"\x00|"), "no_text"),
        (b"x" * 8_000_001, "too_large"),
        (VNPAY_HEADER.encode() + b"\n" + b"0" * 5_000, "no_text"),
        (VNPAY_HEADER.encode(), "incomplete"),
        (VNPAY_HEADER.encode() + b"\n=HYPERLINK(1)|2", "other_layout"),
        (va_file(), "other_layout"),
        (vnpay_file() + vnpay_file(), "other_layout"),
        (vnpay_file(tmn="OTHER"), "other_merchant"),
        (vnpay_file(day="20261121"), "other_day"),
        (vnpay_file(count="1"), "bad_count"),
        (vnpay_file(seal="0" * 128), "bad_checksum"),
        (vnpay_file(vnpay_row("A"), net_vnd=1), "bad_total"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_file_that_cannot_be_true_is_refused_as_a_whole(tmp_path: Path, content: bytes, reason: str) -> None:
    async with running(tmp_path) as portal:
        await paid_at_vnpay(portal)
        status, found = await handed_in(portal, content)
        assert (status, found["refused"], found["findings"]) == (422, reason, [])
        assert found["why"]
        assert (await portal.http.get("/clerk/reconciliation")).status_code == 200


async def test_a_refused_file_does_not_take_the_place_of_a_compared_one(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = await paid_at_vnpay(portal)
        await handed_in(portal, vnpay_file())
        await handed_in(portal, b"rubbish")
        with portal.portal.books.reading() as entries:
            assert [each.order_ref for each in entries.findings("vnpay", SUNDAY)] == [order_ref]
        await handed_in(portal, vnpay_file(vnpay_row(order_ref)))
        with portal.portal.books.reading() as entries:
            assert entries.findings("vnpay", SUNDAY) == []


async def test_a_bank_without_files_and_a_day_that_is_none_are_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        for bank in ("sepay", "nobody"):
            response = await portal.http.post(
                "/api/reconciliations", data={"bank": bank, "business_date": "2026-11-22"}, files={"file": ("a", b"")}
            )
            assert response.status_code == 422
        response = await portal.http.post(
            "/api/reconciliations", data={"bank": "vnpay", "business_date": "yesterday"}, files={"file": ("a", b"")}
        )
        assert response.status_code == 422


LAYOUTS = (vnpay_day.DAY, vietinbank_day.DAY, vietinbank_day.BILLS, dvcqg_day.DAY)
NO_FLAWS: frozenset[Flaw] = frozenset()


@pytest.mark.parametrize("layout", LAYOUTS, ids=["vnpay", "va", "bills", "treasury"])
@given(rows=st.lists(st.text(max_size=40) | st.lists(st.text(max_size=8), max_size=27).map("|".join), max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_stands_in_a_file_it_is_read_or_refused(layout: vnpay_day.Layout, rows: list[str]) -> None:
    content = "\n".join((layout.header(layout.columns), *rows)).encode("utf-8", "replace")
    with pytest.raises(Unusable):
        read(layout, content, "M", SUNDAY, "s", NO_FLAWS)


@given(content=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_bytes_are_no_file(content: bytes) -> None:
    for layout in LAYOUTS:
        with pytest.raises(Unusable):
            read(layout, content, "M", SUNDAY, "s", NO_FLAWS)


# --- days --------------------------------------------------------------------------------------------------------

EACH_DAY = [date(2025, 12, 20) + timedelta(days=each) for each in range(430)]


@pytest.mark.parametrize(
    ("calendar", "rule"),
    [
        (EVERY_DAY, parse_cut_off("00:00")),
        (treasury(), CutOff(at=parse_cut_off("treasury").at, working_days=True, days_off=public_holidays())),
    ],
    ids=["midnight", "treasury"],
)
def test_the_portal_and_the_simulator_count_the_same_days(calendar: Calendar, rule: CutOff) -> None:
    """Two programs by different hands over more than a year, with its holidays and its end."""
    for day in EACH_DAY:
        bank = day_of(day, rule)
        assert calendar.span(day, NO_FLAWS) == (bank.begins_at, bank.ends_at)


def test_the_treasurys_year_ends_at_midnight() -> None:
    """tt-184-2015#year-end"""
    _, ends_at = treasury().span(date(2026, 12, 31), NO_FLAWS)
    assert ends_at == datetime(2027, 1, 1, tzinfo=VIETNAM).astimezone(UTC)


def test_the_suite_knows_which_banks_have_files() -> None:
    assert set(FILED) == {code for code, dialect in dialects().items() if dialect.settlement}
    assert {each.bank for each in counterparts().values() if each.day_books} == set(FILED) & set(counterparts())


# --- the clerk's page --------------------------------------------------------------------------------------------


async def test_a_clerk_hands_in_a_file_and_sees_what_was_found(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        order_ref = await paid_at_vnpay(portal)
        assert "No files yet" in (await portal.http.get("/clerk/reconciliation?lang=en")).text
        answer = await portal.http.post(
            "/clerk/reconciliation",
            data={"bank": "vnpay", "business_date": "2026-11-22"},
            files={"file": ("<script>alert(1)</script>", vnpay_file(vnpay_row(order_ref, 1), net_vnd=1))},
        )
        assert answer.status_code == 303
        page = (await portal.http.get("/clerk/reconciliation?lang=en")).text
        assert "Another amount" in page
        assert order_ref in page
        assert "<script>" not in page
        refused: httpx.Response = await portal.http.post(
            "/clerk/reconciliation", data={"bank": "sepay", "business_date": "2026-11-22"}, files={"file": ("a", b"x")}
        )
        assert refused.status_code == 422
        assert (await portal.http.get("/clerk/reconciliation/vnpay/2026-11-01/reply")).status_code == 404
