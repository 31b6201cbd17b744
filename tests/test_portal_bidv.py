"""The portal at BIDV: whom it tells what is owed, which payments it believes, and how each is answered."""

import base64
import hashlib
import hmac
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.targets.portal.defects import Flaw
from conformance.targets.portal.dossiers import Effect, Outcome, Rejected
from conformance.targets.portal.protocols import bidv
from conformance.targets.portal.protocols.bidv import BidvContract
from tests.portals import FEE_VND, NOON, PAYER, Running, running

NO_FLAWS: frozenset[Flaw] = frozenset()
CONTRACT = BidvContract()
AT = int(NOON.timestamp())
KNOWN = {
    each["key"]: each
    for each in json.loads(files("fixtures").joinpath("wire", "bidv", "messages.json").read_text("utf-8"))
}
# rfc-7519: the example that many libraries show; its key is "your-256-bit-secret".
KNOWN_TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(secret: str = "demo-token-secret", head: object = None, **claims: Any) -> dict[str, str]:
    """The header with a token of now, for five minutes."""
    told = {"iss": "BIDV", "iat": AT, "exp": AT + 300} | claims
    signed = f"{part(head or {'alg': 'HS256', 'typ': 'JWT'})}.{part(told)}"
    proof = part(hmac.digest(secret.encode(), signed.encode(), "sha256"))
    return {"authorization": f"Bearer {signed}.{proof}"}


def paybill(
    bill_code: str, amount_vnd: object = FEE_VND, secret: str = "demo-secret", **changes: Any
) -> dict[str, Any]:
    fields = {
        "trans_id": "T0001",
        "trans_date": "20261122120500",
        "customer_id": bill_code,
        "service_id": "SVC001",
        "bill_id": bill_code,
        "amount": str(amount_vnd),
    } | changes
    signed = f"{secret}{fields['trans_id']}{fields['bill_id']}{fields['amount']}"
    return {"checksum": hashlib.md5(signed.encode()).hexdigest()} | fields


def getbill(bill_code: str, secret: str = "demo-secret", service_id: str = "SVC001") -> dict[str, Any]:
    checksum = hashlib.md5(f"{secret}{service_id}{bill_code}".encode()).hexdigest()
    return {"customer_id": bill_code, "service_id": service_id, "checksum": checksum}


async def send(portal: Running, where: str, fields: object, headers: dict[str, str] | None = None) -> httpx.Response:
    given = token() if headers is None else headers
    return await portal.http.post(f"/callbacks/bidv/{where}", json=fields, headers=given)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["result_code"]


async def bill_of(portal: Running) -> str:
    code: str = (await portal.open("bidv", method="bill"))["bill_code"]
    return code


# --- what is known ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "checksum"), [("B2", "md5"), ("B3", "hmac")])
def test_a_known_paybill_is_rightly_signed(key: str, checksum: str) -> None:
    # bidv-vietqr (B2, B3): its bill has another number than its customer, as no bill of the portal has.
    fields = KNOWN[key]["fields"] | {"checksum": KNOWN[key]["signature"]}
    with pytest.raises(Rejected, match="bill_id is not this customer's"):
        bidv.read_paybill(BidvContract(checksum=checksum), fields, NO_FLAWS)
    with pytest.raises(Rejected, match="checksum is wrong"):
        bidv.read_paybill(BidvContract(checksum={"md5": "hmac", "hmac": "md5"}[checksum]), fields, NO_FLAWS)


def test_a_known_getbill_is_answered() -> None:
    # bidv-vietqr (B1)
    fields = KNOWN["B1"]["fields"] | {"checksum": KNOWN["B1"]["signature"]}
    assert bidv.check_getbill(CONTRACT, fields, NO_FLAWS) == "H4900001"


def test_the_well_known_token_is_genuine() -> None:
    contract = BidvContract(jwt_secret="your-256-bit-secret", max_drift_s="0")
    headers = {"authorization": f"Bearer {KNOWN_TOKEN}"}
    assert bidv.bears_token(contract, headers, NOON, NO_FLAWS)
    assert not bidv.bears_token(CONTRACT, headers, NOON, NO_FLAWS)


def test_what_is_said_of_a_payment_is_money_that_came() -> None:
    word = bidv.read_paybill(CONTRACT, paybill("H49", additionalData2="14226112"), NO_FLAWS)
    assert (word.order_ref, word.money_ref, word.amount_vnd) == ("H49", "T0001", FEE_VND)
    assert (word.outcome, word.bank_ref) == (Outcome.PAID, "14226112")


# --- getbill ------------------------------------------------------------------------------------------------------


async def test_the_bank_is_told_what_is_owed(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        answer = await send(portal, "getbill", getbill(bill_code))
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "result_code": "000",
            "result_desc": "success",
            "service_id": "SVC001",
            "customer_id": bill_code,
            "customer_name": PAYER,
            "customer_addr": "",
            "data": [{"type": 1, "amount": FEE_VND, "bill_id": bill_code}],
        },
    )


@pytest.mark.parametrize(
    ("case", "expected"),
    [("unknown", (400, "011")), ("paid", (200, "012")), ("cancelled", (200, "012")), ("another", (400, "006"))],
)
async def test_what_is_not_owed_is_refused(tmp_path: Path, case: str, expected: tuple[int, str]) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        if case == "paid":
            await send(portal, "paybill", paybill(bill_code))
        if case == "cancelled":
            await portal.http.post("/api/dossiers/HS-1/cancel")
        asked = "H49261122XXXXXXXX" if case == "unknown" else bill_code
        question = getbill(asked, service_id="SVC002" if case == "another" else "SVC001")
        answer = await send(portal, "getbill", question)
    assert told(answer) == expected
    assert PAYER not in answer.text
    assert str(FEE_VND) not in answer.text


@pytest.mark.parametrize("where", ["getbill", "paybill"])
@pytest.mark.parametrize(
    ("headers", "believed"),
    [
        (token(), True),
        (token(exp=AT - 60), True),
        (token(exp=AT - 61), False),
        (token(iat=AT + 60), True),
        (token(iat=AT + 61), False),
        (token(exp=None), False),
        (token(exp="1795323900"), False),
        (token(exp=True), False),
        (token(exp=10**12), False),
        (token(iat=1.5), False),
        (token("another"), False),
        (token(head={"alg": "none"}), False),
        (token(head={"alg": "HS512"}), False),
        (token(head=b"[]"), False),
        ({"authorization": f"Bearer {part({'alg': 'none'})}.{part({'exp': AT + 300})}."}, False),
        ({"authorization": "Bearer a.b.c"}, False),
        ({"authorization": token()["authorization"].removeprefix("Bearer ")}, False),
        ({"authorization": token()["authorization"][:-1]}, False),
        ({"authorization": "Bearer"}, False),
        ({}, False),
    ],
)
async def test_a_token_is_the_banks_own_and_still_good(
    tmp_path: Path, where: str, headers: dict[str, str], believed: bool
) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        message = getbill(bill_code) if where == "getbill" else paybill(bill_code)
        answer = await send(portal, where, message, headers)
        assert told(answer) == ((200, "000") if believed else (400, "003"))
        status = (await portal.status())["status"]
    assert status == ("paid" if believed and where == "paybill" else "pending")
    assert believed or PAYER not in answer.text


def test_a_token_of_any_age_will_do_where_the_banks_clock_is_moved() -> None:
    contract = BidvContract(max_drift_s="0")
    assert bidv.bears_token(contract, token(exp=1), NOON, NO_FLAWS)
    assert not bidv.bears_token(contract, token("another"), NOON, NO_FLAWS)


@pytest.mark.parametrize("checksum", ["", None, "0" * 32, "ộ"])
@pytest.mark.parametrize("where", ["getbill", "paybill"])
async def test_a_token_alone_proves_nothing(tmp_path: Path, where: str, checksum: str | None) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        message = getbill(bill_code) if where == "getbill" else paybill(bill_code)
        answer = await send(portal, where, message | {"checksum": checksum})
        assert told(answer) == (400, "004")
        assert (await portal.status())["status"] == "pending"
    assert PAYER not in answer.text


# --- paybill ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [str(FEE_VND), FEE_VND])
async def test_a_payment_settles_and_a_repetition_is_023(tmp_path: Path, amount: object) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        assert told(await send(portal, "paybill", paybill(bill_code) | {"amount": amount})) == (200, "000")
        assert told(await send(portal, "paybill", paybill(bill_code))) == (200, "023")
        status = await portal.status()
    assert (status["status"], status["receipts"], status["refund_due_vnd"]) == ("paid", 1, 0)


async def test_a_bill_is_paid_that_nobody_opened(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = (await portal.declare())["bill_code"]
        assert told(await send(portal, "paybill", paybill(bill_code))) == (200, "000")
        assert (await portal.status())["status"] == "paid"


async def test_a_second_payment_of_a_bill_is_due_back(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        for trans_id in ("T0001", "T0002", "T0002"):
            await send(portal, "paybill", paybill(bill_code, trans_id=trans_id))
        status = await portal.status()
    assert (status["amount_paid_vnd"], status["refund_due_vnd"], status["receipts"]) == (FEE_VND, FEE_VND, 1)


async def test_a_dossier_that_was_paid_at_another_bank_is_not_owed_here(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        await portal.notice(bill_code)
        assert told(await send(portal, "getbill", getbill(bill_code))) == (200, "012")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount": str(FEE_VND - 1)}, (400, "022")),
        ({"amount": f"{FEE_VND}.00"}, (400, "022")),
        ({"amount": f"0{FEE_VND}"}, (400, "022")),
        ({"amount": f"-{FEE_VND}"}, (400, "022")),
        ({"service_id": "SVC002"}, (400, "006")),
        ({"customer_id": "H49261122XXXXXXXX"}, (400, "021")),
        ({"customer_id": "H49261122XXXXXXXX", "bill_id": "H49261122XXXXXXXX"}, (400, "021")),
        ({"bill_id": "BILL01"}, (400, "021")),
        ({"trans_id": "T 1"}, (400, "001")),
        ({"trans_id": "T" * 51}, (400, "001")),
        ({"trans_id": ""}, (400, "001")),
        ({"amount": ""}, (400, "001")),
    ],
)
async def test_a_true_checksum_is_not_enough(
    tmp_path: Path, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        assert told(await send(portal, "paybill", paybill(bill_code, **changes))) == expected
        status = await portal.status()
    assert (status["status"], status["amount_paid_vnd"], status["refund_due_vnd"]) == ("pending", 0, 0)


async def test_one_payment_does_not_become_two_by_a_sign_that_wanders(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        true = paybill(bill_code)
        await send(portal, "paybill", true)
        for shifted in (
            {"trans_id": "T000", "bill_id": f"1{bill_code}"},
            {"trans_id": f"T0001{bill_code[0]}", "bill_id": bill_code[1:]},
            {"bill_id": f"{bill_code}5", "amount": str(FEE_VND)[1:]},
        ):
            assert told(await send(portal, "paybill", true | shifted)) == (400, "021")
        assert (await portal.status())["refund_due_vnd"] == 0


async def test_a_payment_of_one_bill_does_not_settle_another_customers(tmp_path: Path) -> None:
    async with running(tmp_path) as portal:
        bill_code = await bill_of(portal)
        other = (await portal.declare("HS-2"))["bill_code"]
        true = paybill(bill_code)
        assert told(await send(portal, "paybill", true | {"customer_id": other})) == (400, "021")
        assert (await portal.status("HS-2"))["status"] == "pending"


async def test_a_hashed_checksum_is_one_of_the_contracts_two(tmp_path: Path) -> None:
    async with running(tmp_path, contracts={"bidv": {"checksum": "hmac"}}) as portal:
        bill_code = await bill_of(portal)
        signed = f"demo-secretT0001{bill_code}{FEE_VND}".encode()
        true = paybill(bill_code) | {"checksum": hmac.digest(b"demo-secret", signed, "sha256").hex()}
        assert told(await send(portal, "paybill", paybill(bill_code))) == (400, "004")
        assert told(await send(portal, "getbill", getbill(bill_code))) == (200, "000")
        assert told(await send(portal, "paybill", true)) == (200, "000")


@pytest.mark.parametrize("effect", list(Effect))
def test_every_effect_has_a_code_and_only_booked_money_ends_the_repeats(effect: Effect) -> None:
    status, content = bidv.acknowledge(effect, "")
    done = status == 200 and content["result_code"] in ("000", "023")
    kept = (Effect.SETTLED, Effect.REFUND_DUE, Effect.FAILED, Effect.NOTED, Effect.REPEATED)
    assert done is (effect in kept)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"amount": {"a": 1}}', b"[" * 100_000, b"\xff\xfe\x00", b" " * 300_000]
)
@pytest.mark.parametrize("where", ["getbill", "paybill"])
async def test_garbage_is_answered_with_a_code(tmp_path: Path, body: bytes, where: str) -> None:
    async with running(tmp_path) as portal:
        answer = await portal.http.post(f"/callbacks/bidv/{where}", content=body, headers=token())
    assert told(answer) in ((400, "001"), (400, "004"))


@given(
    st.dictionaries(st.sampled_from(sorted(paybill("H"))), st.none() | st.text() | st.integers() | st.lists(st.none()))
)
def test_any_fields_are_read_or_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        bidv.read_paybill(CONTRACT, fields, NO_FLAWS)
    with pytest.raises(Rejected):
        bidv.check_getbill(CONTRACT, fields, NO_FLAWS)


@given(st.text(max_size=300))
def test_any_header_is_no_token(text: str) -> None:
    assert not bidv.bears_token(CONTRACT, {"authorization": text}, NOON, NO_FLAWS)
    assert not bidv.bears_token(CONTRACT, {"authorization": f"Bearer {text}"}, NOON, NO_FLAWS)
