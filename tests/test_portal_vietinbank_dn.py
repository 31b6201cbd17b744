"""The portal at Đà Nẵng's gateway of VietinBank: what it signs, whom it believes, and what it answers."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Effect, Outcome, Rejected
from conformance.targets.portal.protocols import vietinbank_dn
from conformance.targets.portal.protocols.vietinbank_dn import VietinbankDnContract
from tests.portals import FEE_VND, PAYER, Json, Running, joined, rsa_signature, running, signed_by_biller, streamed

BANK = "vietinbank_dn"
CONTRACT = VietinbankDnContract()
NO_FLAWS: frozenset[Flaw] = frozenset()
CREATE = (
    "requestId merchantId orderId amount currencyCode payMethod billCode custName remark returnUrl transTime"
    " expireTime clientIP language"
)
BILL_CODE = "H17261122ABCDEFGH"
VECTORS = {
    each["key"]: each
    for each in json.loads(files("fixtures").joinpath("wire", BANK, "messages.json").read_text(encoding="utf-8"))
}
NOTICE: Json = VECTORS["D4"]["fields"] | {"signature": VECTORS["D4"]["signature"]}


def sealed(fields: Json, key_name: str = "vietinbank_private.pem") -> Json:
    """Signed as the bank signs: in the order of the fields, what is empty left out."""
    told = {name: value for name, value in fields.items() if value != ""}
    return told | {"signature": rsa_signature("".join(map(str, told.values())), key_name)}


def standing(amount_vnd: int = FEE_VND, **changes: Any) -> Json:
    return {
        "amount": str(amount_vnd),
        "currencyCode": "VND",
        "payMethod": "ACCOUNT",
        "billCode": BILL_CODE,
        "transStatus": "00",
        "responseCode": "00",
        "transTime": "20261122120500",
        "bankTransId": "14226112",
        "refundedAmount": "",
    } | changes


def notice(order_ref: str, amount_vnd: int = FEE_VND, **changes: Any) -> Json:
    head = {"transId": "01179897671510610730", "merchantId": "DANANG01", "orderId": order_ref}
    return sealed(head | standing(amount_vnd) | changes)


def head(asked: Json, code: str = "00", **changes: str) -> Json:
    echoed = {name: asked[name] for name in ("requestId", "merchantId", "orderId")}
    return echoed | {"errorCode": code, "errorDesc": "Thành công"} | changes


def created(**changes: str) -> Callable[[Json], Json]:
    def answer(asked: Json) -> Json:
        cash = asked.get("payMethod") == "CASH"
        goes_on = {"payUrl": f"http://bank.test/pay/{asked['orderId']}", "payCode": "1234567890" if cash else ""}
        return sealed(head(asked) | goes_on | {"expireTime": "20261122121500"} | changes)

    return answer


def queried(**changes: Any) -> Callable[[Json], Json]:
    return lambda asked: sealed(head(asked) | standing() | changes)


def refunded(**changes: str) -> Callable[[Json], Json]:
    def answer(asked: Json) -> Json:
        told = standing(transStatus="06", refundedAmount=asked["amount"])
        return sealed(head(asked) | told | {"refundTransId": "99", "refundAmount": asked["amount"]} | changes)

    return answer


def refused(code: str) -> Callable[[Json], Json]:
    return lambda asked: sealed(head(asked, code))


async def opened_at(portal: Running, method: str = "internet_banking", dossier_code: str = "HS-1") -> Json:
    portal.bank.more = {"create": created()}
    found: Json = await portal.open(BANK, dossier_code, method)
    return found


async def told(portal: Running, message: Json) -> str:
    """The code of the portal's answer, its signature and number being right."""
    said = await portal.post(BANK, message)
    assert signed_by_biller(joined(said, "transId errorCode errorDesc"), said["signature"])
    assert said.get("transId", "") in ("", message["transId"])
    return str(said["errorCode"])


@pytest.mark.parametrize("key", ["D1", "D2", "D3"])
def test_a_known_request_is_signed_alike(key: str) -> None:
    # vietinbank-dn-design: signatures by openssl
    vector = VECTORS[key]
    assert vietinbank_dn._sealed(CONTRACT, vector["fields"])["signature"] == vector["signature"]


def test_a_known_notice_is_believed_and_read() -> None:
    word = vietinbank_dn.read_notice(CONTRACT, NOTICE, NO_FLAWS)
    assert (word.order_ref, word.amount_vnd, word.outcome, word.bank_ref) == (
        "HS0001",
        20_000,
        Outcome.PAID,
        "14226112",
    )


async def test_an_order_is_written_and_signed_in_the_designs_order(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await portal.declare("H17.12.6-261122-0001", 1_200_000)
        opened = await opened_at(portal, dossier_code="H17.12.6-261122-0001")
    (asked,) = portal.bank.asked
    assert opened == {
        "kind": "redirect",
        "order_ref": asked["orderId"],
        "url": f"http://bank.test/pay/{asked['orderId']}",
    }
    assert signed_by_biller(joined(asked, CREATE), asked["signature"])
    assert asked["billCode"].startswith("H17261122")
    expected = {
        "merchantId": "DANANG01",
        "amount": "1200000",
        "currencyCode": "VND",
        "payMethod": "ACCOUNT",
        "custName": PAYER,
        "remark": "Lệ phí hồ sơ H17.12.6-261122-0001",
        "returnUrl": "http://portal.test/return/vietinbank_dn",
        "transTime": "20261122120000",
        "expireTime": "20261122121500",
        "clientIP": "127.0.0.1",
        "language": "vi",
    }
    assert {name: asked[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("method", "name"),
    [("redirect", None), ("internet_banking", "ACCOUNT"), ("card", "ATM"), ("credit_card", "CREDIT"), ("qr", "QR")],
)
async def test_each_way_to_pay_has_the_banks_name_for_it(tmp_path: Path, method: str, name: str | None) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal, method)
    assert portal.bank.asked[0].get("payMethod") == name
    assert opened["kind"] == "redirect"


async def test_a_payer_with_cash_is_given_the_tellers_code_and_days_of_time(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal, "counter")
        assert await told(portal, notice(opened["order_ref"], payMethod="CASH", bankTransId="")) == "00"
        assert (await portal.status())["status"] == "paid"
    assert portal.bank.asked[0]["payMethod"] == "CASH"
    assert "expireTime" not in portal.bank.asked[0]
    assert (opened["kind"], opened["bill_code"]) == ("bill", "1234567890")


@pytest.mark.parametrize(
    "answer",
    [
        *(refused(code) for code in ("01", "02", "04", "05", "08", "09", "10", "11", "99")),
        created(payUrl="javascript:alert(1)"),
        created(payUrl="http://[bad"),
        created(payUrl=""),
        created(orderId="HS9999"),
        created(requestId="another"),
        created(merchantId="DANANG02"),
        lambda asked: created()(asked) | {"payUrl": "http://evil.test"},
        lambda asked: created()(asked) | {"signature": ""},
        lambda asked: {},
        lambda asked: streamed(b"<html>"),
        lambda asked: streamed(b"", 302, location="https://elsewhere.test"),
        lambda asked: httpx.ConnectError("refused"),
    ],
)
async def test_an_order_without_a_good_answer_stands_and_can_be_paid(tmp_path: Path, answer: Any) -> None:
    async with running(tmp_path) as portal:
        await portal.declare()
        portal.bank.more = {"create": answer}
        response = await portal.http.post("/api/dossiers/HS-1/payments", json={"bank": BANK, "method": "card"})
        assert response.status_code == 502
        assert await told(portal, notice(response.json()["order_ref"])) == "00"
        assert (await portal.status())["status"] == "paid"


async def test_a_paid_order_settles_and_its_repetition_is_known(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        message = notice(opened["order_ref"])
        assert [await told(portal, message), await told(portal, message)] == ["00", "05"]
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("paid", FEE_VND, 1)


async def test_a_failure_is_acknowledged_and_a_success_may_follow(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        failure = notice(opened["order_ref"], transStatus="02", responseCode="51", bankTransId="")
        assert await told(portal, failure) == "00"
        assert (await portal.status())["status"] == "failed"
        assert await told(portal, notice(opened["order_ref"])) == "00"
        assert await told(portal, failure) == "05"
        assert (await portal.status())["status"] == "paid"


OPEN = Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("status", "response", "outcome"),
    [
        ("00", "00", Outcome.PAID),
        *(
            (status, response, Outcome.FAILED)
            for status in ("02", "03", "04")
            for response in ("14", "24", "51", "55", "57", "59", "61", "62", "68", "75", "91", "99")
        ),
        ("00", "", OPEN),
        ("00", "51", OPEN),
        ("02", "00", OPEN),
        ("02", "", OPEN),
        ("02", "88", OPEN),
        ("88", "88", OPEN),
        *((status, "00", OPEN) for status in ("01", "05", "06", "07", "08")),
        ("05", "99", OPEN),
        ("08", "59", OPEN),
    ],
)
def test_success_needs_both_codes_and_failure_a_known_one(status: str, response: str, outcome: Outcome) -> None:
    message = notice("HS0001", transStatus=status, responseCode=response)
    assert vietinbank_dn.read_notice(CONTRACT, message, NO_FLAWS).outcome is outcome


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": str(FEE_VND - 1)}, "04"),
        ({"amount": str(FEE_VND * 100)}, "04"),
        ({"amount": f"-{FEE_VND}"}, "04"),
        ({"amount": f"{FEE_VND}.0"}, "04"),
        ({"amount": f"0{FEE_VND}"}, "04"),
        ({"amount": "năm mươi nghìn"}, "04"),
        ({"amount": "9" * 5000}, "04"),
        ({"merchantId": "DANANG02"}, "02"),
        ({"currencyCode": "LAK"}, "02"),
        ({"amount": "5000", "currencyCode": "0VND"}, "02"),
        ({"orderId": "HS9999"}, "02"),
        ({"amount": ""}, "09"),
        ({"transStatus": ""}, "09"),
        ({"orderId": ""}, "09"),
        ({"transId": ""}, "09"),
        ({"transId": "0117989767151061073"}, "09"),
        ({"payMethod": "WALLET"}, "09"),
        ({"transTime": "20261322120500"}, "09"),
    ],
)
async def test_a_true_signature_is_not_enough(tmp_path: Path, changes: Json, code: str) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        message = notice(opened["order_ref"], **changes)
        assert (await portal.post(BANK, message))["errorCode"] == code
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["receipts"]) == ("pending", 0, 0)


def test_no_digit_of_a_failure_can_be_moved_to_make_it_a_success() -> None:
    # vietinbank-dn-design#signature: nothing stands between the values.
    failure = notice(
        "HS0001", transStatus="02", responseCode="51", transTime="20261122000020", bankTransId="261122120500"
    )
    shifted = failure | {
        "billCode": f"{BILL_CODE}025120261122",
        "transStatus": "00",
        "responseCode": "00",
        "transTime": "20261122120500",
        "bankTransId": "",
    }
    names = [name for name in failure if name != "signature"]
    assert joined(shifted, " ".join(names)) == joined(failure, " ".join(names))
    with pytest.raises(Rejected, match="billCode"):
        vietinbank_dn.read_notice(CONTRACT, shifted, NO_FLAWS)


@pytest.mark.parametrize("signature", ["", None, "AAAA", "null", 7, "ộ" * 64, NOTICE["signature"][:-4]])
async def test_a_false_signature_is_01_and_changes_nothing(tmp_path: Path, signature: Any) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        true = notice(opened["order_ref"])
        said = await portal.post(BANK, true | {"signature": signature})
        assert said["errorCode"] in ("01", "09")
        assert opened["order_ref"] not in json.dumps(said)
        assert (await portal.status())["status"] == "pending"
        assert await told(portal, true) == "00"


def test_another_key_is_not_believed() -> None:
    false = sealed({name: value for name, value in NOTICE.items() if name != "signature"}, "impostor_private.pem")
    with pytest.raises(Rejected, match="bad_signature"):
        vietinbank_dn.read_notice(CONTRACT, false, NO_FLAWS)


@pytest.mark.parametrize("number", ["0117989767151061073000x", "", None, 7, ["x"], "٠" * 20])
def test_only_the_banks_own_kind_of_number_is_repeated_and_signed(number: Any) -> None:
    said = vietinbank_dn.acknowledge(CONTRACT, {"transId": number}, Effect.BAD_SIGNATURE, "")
    assert "transId" not in said


@pytest.mark.parametrize("body", [b"", b"[]", b"[" * 5_000, b"\xff\xfe\x00", b"null"])
async def test_what_cannot_be_read_is_09(tmp_path: Path, body: bytes) -> None:
    async with running(tmp_path) as portal:
        assert (await portal.post_raw(BANK, body))["errorCode"] == "09"


@given(
    st.dictionaries(
        st.sampled_from(list(NOTICE)),
        st.integers() | st.text() | st.none() | st.floats() | st.lists(st.integers(), max_size=2),
    )
)
def test_no_message_without_the_key_is_believed(fields: Json) -> None:
    with pytest.raises(Rejected):
        vietinbank_dn.read_notice(CONTRACT, fields, NO_FLAWS)


@given(st.binary(max_size=200))
def test_any_return_is_refused_in_words(query: bytes) -> None:
    with pytest.raises(Rejected):
        vietinbank_dn.read_return(CONTRACT, query, NO_FLAWS)


async def test_a_lost_notice_is_found_by_a_signed_question(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        portal.bank.more = {"query": queried()}
        await portal.run_jobs()
        status = await portal.status()
    asked = portal.bank.asked[-1]
    assert (asked["merchantId"], asked["orderId"]) == ("DANANG01", opened["order_ref"])
    assert signed_by_biller(joined(asked, "requestId merchantId orderId transTime"), asked["signature"])
    assert (status["status"], status["receipts"]) == ("paid", 1)


@pytest.mark.parametrize(
    "answer",
    [
        queried(amount=str(FEE_VND - 1)),
        queried(merchantId="DANANG02"),
        queried(orderId="HS9999"),
        queried(requestId="another"),
        queried(currencyCode="LAK"),
        queried(transStatus="01", responseCode="", transTime="", bankTransId=""),
        queried(transStatus="06", refundedAmount="1000"),
        queried(transStatus="07", refundedAmount=str(FEE_VND)),
        queried(billCode="00"),
        lambda asked: queried()(asked) | {"signature": ""},
        lambda asked: queried()(asked) | {"amount": "1"},
        *(refused(code) for code in ("01", "03", "05", "07", "08", "09", "99")),
        lambda asked: sealed(head(asked, "02"), "impostor_private.pem"),
        lambda asked: {},
        lambda asked: streamed(b"{}", 500),
        lambda asked: httpx.ReadTimeout("slow"),
    ],
)
async def test_an_answer_without_sound_news_leaves_the_order_open(tmp_path: Path, answer: Any) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        portal.bank.more = {"query": answer}
        await portal.run_jobs()
        assert (await portal.status())["status"] == "pending"
        assert await told(portal, notice(opened["order_ref"])) == "00"
        assert (await portal.status())["status"] == "paid"


async def test_an_order_that_the_bank_never_saw_is_given_up_when_it_has_expired(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        await opened_at(portal)
        portal.bank.more = {"query": refused("02")}
        await portal.run_jobs()
        assert (await portal.status())["status"] == "pending"
        portal.later(hours=1)
        await portal.run_jobs()
        assert (await portal.status())["status"] == "failed"


async def test_money_goes_back_in_parts_by_signed_requests(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        await told(portal, notice(opened["order_ref"]))
        portal.bank.more = {"refund": refunded()}
        done = [await portal.http.post("/api/dossiers/HS-1/refund", json={"amount_vnd": 20_000}) for _ in range(2)]
        status = await portal.status()
    first, second = portal.bank.asked[-2:]
    assert [each.status_code for each in done] == [200, 200]
    assert first["requestId"] != second["requestId"]
    assert signed_by_biller(joined(first, "requestId merchantId orderId amount remark transTime"), first["signature"])
    assert (first["amount"], status["status"]) == ("20000", "partly_refunded")


@pytest.mark.parametrize(
    ("answer", "status_code"),
    [
        (refused("03"), 409),
        (refused("12"), 409),
        *((refused(code), 202) for code in ("07", "08", "99")),
        (refunded(refundAmount="1"), 202),
        (refunded(orderId="another"), 202),
        (refunded(requestId="another"), 202),
        (lambda asked: refunded()(asked) | {"signature": "AAAA"}, 202),
    ],
)
async def test_only_a_certain_no_sets_the_money_free_again(tmp_path: Path, answer: Any, status_code: int) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        await told(portal, notice(opened["order_ref"]))
        portal.bank.more = {"refund": answer}
        assert (await portal.http.post("/api/dossiers/HS-1/refund", json={})).status_code == status_code
        assert (await portal.status())["status"] == "paid"


async def test_a_signed_return_names_its_order_and_settles_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        opened = await opened_at(portal)
        back = sealed({"merchantId": "DANANG01", "orderId": opened["order_ref"]} | standing())
        pages = [
            await portal.http.get(f"/return/vietinbank_dn?{query}")
            for query in (urlencode(back), f"utm_source=zalo&{urlencode(back)}")
        ]
        unknown = await portal.http.get(f"/return/vietinbank_dn?{urlencode(back | {'amount': '1'})}")
        status = await portal.status()
    assert all('data-status="pending"' in page.text for page in pages)
    assert 'data-status="pending"' not in unknown.text
    assert status["status"] == "pending"
