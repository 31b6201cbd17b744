"""The portal as a biller of VietinBank: both formats, cash without a reference, and names told to the bank alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.dossiers import Rejected
from conformance.targets.portal.protocols import vietinbank
from tests.portals import (
    FEE_VND,
    PAYER,
    Running,
    inquiry,
    joined,
    notice,
    record,
    records_inquiry,
    records_notice,
    running,
    signed_by_biller,
)

FLAT_BILL = "transId channelId transTime transType custCode custName billId billTerm amount errorCode"
RECORD_BILL = "transId channelId transTime custCode custName billId amount errorCode"


async def bill_of(portal: Running) -> str:
    return str((await portal.open("vietinbank"))["bill_code"])


def answered_flat(answer: dict[str, Any]) -> str:
    signed_by_biller(joined(answer, "transId errorCode errorDesc"), answer["signature"])
    return str(answer["errorCode"])


def test_the_flat_sign_string_is_the_specifications() -> None:
    sample = {
        "transId": "501690869",
        "transTime": "20240201140634",
        "transType": "3",
        "custCode": "2NDVNDV24012358711",
        "amount": "875800",
        "bankTransId": "164T24200GKAJ7BY",
        "remark": "CT DEN:164T24200GKAJ7BY CK",
    }
    # vietinbank-y3-1-4-1#sample
    published = "501690869202402011406342NDVNDV24012358711875800164T24200GKAJ7BYCT DEN:164T24200GKAJ7BY CK"
    assert vietinbank._joined(sample, vietinbank._FLAT_NOTICE) == published


async def test_a_bill_has_a_short_code_that_can_be_read_aloud(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await portal.open("vietinbank")
    assert opened["kind"] == "bill"
    assert opened["order_ref"] == opened["bill_code"]
    assert len(opened["bill_code"]) <= 20
    assert opened["bill_code"].isalnum()


async def test_the_bank_is_told_what_is_owed_and_by_whom(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        answer = await portal.post("vietinbank/inquiry", inquiry(bill_code))
    assert signed_by_biller(joined(answer, FLAT_BILL), answer["signature"])
    assert (answer["errorCode"], answer["amount"], answer["custName"]) == ("00", str(FEE_VND), PAYER)
    assert (answer["transId"], answer["custCode"]) == ("777", bill_code)


async def test_the_older_format_is_answered_in_kind(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        answer = await portal.post("vietinbank/inquiry", records_inquiry(bill_code))
    (told,) = answer["data"]["records"]
    assert (answer["header"]["msgType"], answer["header"]["errorCode"]) == ("1110", "00")
    assert signed_by_biller(joined(told, RECORD_BILL), answer["header"]["signature"])
    assert told["amount"] == str(FEE_VND)


@pytest.mark.parametrize("case", ["unknown", "paid", "cancelled", "another biller"])
async def test_what_is_not_owed_is_refused_with_02(tmp_path: Path, case: str) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        if case == "paid":
            await portal.notice(bill_code)
        if case == "cancelled":
            await portal.http.post("/api/dossiers/HS-1/cancel")
        question = inquiry(
            "H49261122XXXXXXXX" if case == "unknown" else bill_code,
            providerId="9112" if case == "another biller" else "9111",
        )
        answer = await portal.post("vietinbank/inquiry", question)
    assert answer["errorCode"] == "02"
    assert PAYER not in str(answer)
    assert str(FEE_VND) not in str(answer)


@pytest.mark.parametrize("signature", ["", None, "AAAA", "ộ", "!"])
async def test_who_does_not_sign_is_told_nothing(tmp_path: Path, signature: str | None) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        answer = await portal.post("vietinbank/inquiry", inquiry(bill_code) | {"signature": signature})
    assert answer["errorCode"] == "01"
    assert PAYER not in str(answer)
    assert str(FEE_VND) not in str(answer)
    assert bill_code not in str(answer)


@pytest.mark.parametrize("changes", [{}, {"bankTransId": None}, {"bankTransId": ""}, {"amount": FEE_VND}])
async def test_a_notice_settles_also_without_a_bank_reference(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        assert answered_flat(await portal.notice(bill_code, **changes)) == "00"
        status = await portal.status()
    assert (status["status"], status["receipts"]) == ("paid", 1)


async def test_a_bill_is_paid_at_a_counter_that_nobody_opened(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = (await portal.declare())["bill_code"]
        assert answered_flat(await portal.notice(bill_code)) == "00"
        assert (await portal.status())["status"] == "paid"


async def test_a_repeated_notice_is_05(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        await portal.notice(bill_code)
        assert answered_flat(await portal.notice(bill_code, msgId="m2")) == "05"
        assert (await portal.status())["receipts"] == 1


async def test_cash_and_transfer_for_one_bill_settle_once_and_the_rest_is_due_back(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        await portal.notice(bill_code, transId="1", bankTransId=None)
        assert answered_flat(await portal.notice(bill_code, transId="2")) == "00"
        assert answered_flat(await portal.notice(bill_code, transId="2")) == "05"
        status = await portal.status()
    assert (status["amount_paid_vnd"], status["refund_due_vnd"], status["receipts"]) == (FEE_VND, FEE_VND, 1)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": str(FEE_VND - 1)}, "03"),
        ({"amount": f"{FEE_VND}.00"}, "03"),
        ({"amount": f"0{FEE_VND}"}, "03"),
        ({"amount": f"-{FEE_VND}"}, "03"),
        ({"currencyCode": "LAK"}, "03"),
        ({"custCode": "H49261122XXXXXXXX"}, "02"),
        ({"providerId": "9112"}, "02"),
        ({"transTime": "2026112212063"}, "99"),
        ({"transTime": "92026112212063"}, "99"),
        ({"transId": "5016 90869"}, "99"),
        ({"transId": None}, "99"),
        ({"amount": 50_000.5}, "99"),
        ({"transType": "X"}, "00"),
        ({"transType": "D"}, "00"),
    ],
)
async def test_a_true_signature_is_not_enough(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        assert answered_flat(await portal.notice(bill_code, **changes)) == code
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"]) == ("pending", 0)


async def test_a_digit_that_wandered_into_the_next_value_settles_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        true = notice(bill_code)
        for shifted, code in (
            ({"amount": str(FEE_VND)[:-1], "bankTransId": f"0{true['bankTransId']}"}, "03"),
            ({"transId": "50169086", "transTime": "92026112212063", "custCode": f"4{bill_code}"}, "99"),
            ({"transId": "5016908692", "transTime": f"0261122120634{bill_code[0]}", "custCode": bill_code[1:]}, "99"),
            ({"custCode": f"{bill_code}5", "amount": str(FEE_VND)[1:]}, "02"),
        ):
            assert answered_flat(await portal.post("vietinbank/notice", true | shifted)) == code
        assert (await portal.status())["status"] == "pending"


async def test_a_false_signature_is_01_and_the_true_notice_still_settles(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        forged = notice(bill_code, key_name="impostor_private.pem")
        assert answered_flat(await portal.post("vietinbank/notice", forged)) == "01"
        assert (await portal.status())["status"] == "pending"
        assert answered_flat(await portal.notice(bill_code)) == "00"


async def test_records_are_settled_and_answered_each(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        other = (await portal.declare("HS-2"))["bill_code"]
        message = records_notice(record(bill_code), record(other, FEE_VND - 1, transId="2"))
        answer = await portal.post("vietinbank/notice", message)
        codes = [each["status"]["code"] for each in answer["data"]["records"]]
        assert codes == ["00", "03"]
        assert answer["header"]["errorCode"] == "03"
        signed = answer["header"]["errorCode"] + "".join(
            joined(each, "transId originalId transTime custCode custName custAcct amount") + each["status"]["code"]
            for each in answer["data"]["records"]
        )
        assert signed_by_biller(signed, answer["header"]["signature"])
        assert (await portal.status())["status"] == "paid"
        assert (await portal.status("HS-2"))["status"] == "pending"


async def test_a_record_that_failed_at_the_bank_settles_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        message = records_notice(record(bill_code, status={"code": "99"}))
        answer = await portal.post("vietinbank/notice", message)
        assert answer["header"]["errorCode"] == "00"
        assert (await portal.status())["status"] == "failed"
        await portal.post("vietinbank/notice", records_notice(record(bill_code, transId="2")))
        assert (await portal.status())["status"] == "paid"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"header": 1, "data": 2}',
        b'{"header": {"signature": "x"}, "data": {"records": []}}',
        b'{"header": {"signature": "x"}, "data": {"records": [1]}}',
        b'{"transId": {"a": 1}}',
        b'{"transId": "\\ud800"}',
        b"[" * 100_000,
        b'{"amount": ' + b"9" * 10_000 + b"}",
        b"\xff\xfe\x00",
        b" " * 300_000,
    ],
)
@pytest.mark.parametrize("where", ["inquiry", "notice"])
async def test_garbage_is_answered_with_a_code(tmp_path: Path, body: bytes, where: str) -> None:
    async with running(tmp_path) as portal:
        answer = await portal.post_raw(f"vietinbank/{where}", body)
    code = answer["header"]["errorCode"] if "header" in answer else answer["errorCode"]
    assert code in ("01", "99")


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.booleans(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["header", "data", "records", "signature", "transId", "amount", "status", "code"]),
                inner,
            )
        ),
    )
)
def test_any_json_is_read_or_refused(value: Any) -> None:
    try:
        message = vietinbank.parse(json.dumps(value).encode())
    except Rejected:
        return
    assert message.records
