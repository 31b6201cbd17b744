"""Facts about BIDV's virtual accounts: registration, its encryption and signature, the drawn code, the bill."""

import base64
import json
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.banks.bidv_va import CODES, DIALECT, HEADERS, MAY_BE_EMPTY, MESSAGES, PLAIN, va_number
from simulator.dialect import Endpoint, Reply
from simulator.merchants import default_merchants
from simulator.payment import Channel, Merchant, Reason, Refusal
from simulator.qr import parse
from simulator.wire import Request
from simulator.world import World
from tests.samples import bidv_va as sample
from tests.worlds import START, ask, worlds_in

WIRE = Path(__file__).parent.parent / "fixtures" / "wire" / "bidv" / "va.json"
(VECTOR,) = json.loads(WIRE.read_text())
MERCHANT = next(each for each in default_merchants() if each.bank == "bidv_va")
ENDPOINTS = {endpoint.path: endpoint for endpoint in DIALECT.endpoints}
KINDS = tuple(MESSAGES)


def with_options(**options: str) -> Merchant:
    return msgspec.structs.replace(MERCHANT, options={**MERCHANT.options, **options})


def said(request: Request, merchant: Merchant = MERCHANT) -> tuple[int, dict[str, Any]]:
    """The bank's answer at START."""
    endpoint: Endpoint = ENDPOINTS[request.path]
    try:
        command = endpoint.decode(request, lambda code: merchant if code == merchant.merchant_code else None)
        DIALECT.judge(command, None, START)
    except Refusal as refused:
        response = endpoint.encode(request, None, refused)
    else:
        response = endpoint.encode(request, command, Reply(now=START, reply_ref="0" * 32))
    return response.status, json.loads(response.body)


def code_of(request: Request, merchant: Merchant = MERCHANT) -> str:
    status, fields = said(request, merchant)
    assert status == 200
    return str(fields["errorCode"])


def changed(kind: str, **headers: str) -> Request:
    request = sample.sealed(kind, START)
    return msgspec.structs.replace(request, headers={**request.headers, **headers})


# --- known answers -------------------------------------------------------------------------------------------


def test_a_known_message_is_understood() -> None:
    """rfc-7516, bidv-va#crypto."""
    plaintext = json.dumps(VECTOR["fields"]).encode()
    assert VECTOR["source"] == "rfc-7516"
    assert sample.jwe(plaintext) == VECTOR["jwe"]
    body = json.dumps(VECTOR["jwe"]).encode()
    headers = {**sample.headers(START), "x-jws-signature": VECTOR["jws"]}
    assert code_of(Request("POST", sample.PATHS["createVAQLBH"], headers=headers, body=body)) == "000"


# --- messages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_is_answered_in_the_banks_form(kind: str) -> None:
    """bidv-va#messages."""
    assert set(sample.FIELDS[kind]) == set(MESSAGES[kind].split())
    status, fields = said(sample.sealed(kind, START))
    assert (status, fields["errorCode"], fields["errorDesc"]) == (200, "000", "Success")


def test_a_confirmation_gives_the_virtual_account() -> None:
    _, fields = said(sample.sealed("confirmVAQLBH", START))
    assert fields["vaNumber"] == va_number(MERCHANT, "BCDV00001")
    assert fields["vaNumber"].startswith("V")
    assert fields["vaNumber"].endswith("BCDV00001")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plain", [True, False])
def test_confirm_and_delete_may_come_plain(kind: str, plain: bool) -> None:
    """bidv-va#encrypted."""
    status, _ = said(sample.sealed(kind, START, plain=plain))
    assert status == (400 if plain and kind not in PLAIN else 200)


@pytest.mark.parametrize("kind", sorted(PLAIN))
def test_a_plain_body_is_what_was_encrypted(kind: str) -> None:
    good = sample.sealed(kind, START, plain=True)
    other = json.dumps({**sample.FIELDS[kind], "merchantId": "OTHER"}).encode()
    assert said(msgspec.structs.replace(good, body=other))[0] == 400


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_is_refused(kind: str) -> None:
    for name in MESSAGES[kind].split():
        for value in (None, ""):
            wrong = (value == "" and name in MAY_BE_EMPTY) or (value is None and name in MAY_BE_EMPTY)
            assert code_of(sample.sealed(kind, START, **{name: value})) == ("000" if wrong else "001"), name
        for value in ("x" * 201, "\x00"):
            assert code_of(sample.sealed(kind, START, **{name: value})) == "001", name


@pytest.mark.parametrize("kind", KINDS)
def test_another_service_is_refused(kind: str) -> None:
    assert code_of(sample.sealed(kind, START, serviceId="VA0002")) == "006"


@pytest.mark.parametrize("otp", ["000000", "12345", "không"])
def test_a_wrong_password_is_told(otp: str) -> None:
    """bidv-va#codes: 004."""
    assert code_of(sample.sealed("confirmVAQLBH", START, otpNumber=otp)) == "004"
    assert code_of(sample.sealed("confirmVAQLBH", START, otpNumber=otp), with_options(otp=otp)) == "000"


def test_a_merchant_is_registered_once_where_the_contract_says_so() -> None:
    """bidv-va#codes: 182."""
    merchant = with_options(registered="OTHER BCDV00001")
    assert code_of(sample.sealed("createVAQLBH", START), merchant) == "182"
    assert code_of(sample.sealed("createVAQLBH", START, merchantId="BCDV00002"), merchant) == "000"


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_can_be_had(code: str) -> None:
    assert code_of(sample.sealed("createVAQLBH", START), with_options(registration_answer=code)) == code
    assert code_of(sample.sealed("confirmVAQLBH", START), with_options(confirmation_answer=code)) == code


def test_an_unknown_code_of_a_contract_is_no_code() -> None:
    merchant = with_options(registration_answer="abc", confirmation_answer="abc")
    assert code_of(sample.sealed("createVAQLBH", START), merchant) == "000"
    assert code_of(sample.sealed("confirmVAQLBH", START), merchant) == "000"


@pytest.mark.parametrize(("amount", "drawn"), [("20000", 20_000), ("", None), ("0", None), ("499999999", 499_999_999)])
def test_a_drawn_code_names_account_amount_and_text(amount: str, drawn: int | None) -> None:
    _, fields = said(sample.sealed("genVietQR", START, amount=amount, description="Lệ phí HS0001"))
    code = parse(fields["vietQR"])
    assert (code.bank_bin, code.beneficiary, code.amount_vnd) == ("970418", "V3PHBCDV00001", drawn)
    assert code.purpose == "Le phi HS0001"


@pytest.mark.parametrize("amount", ["500000000", "9999999999999", "-1", "1.0", "1e3", "020", "٣", "9" * 14, " 1"])
def test_an_amount_that_no_code_can_carry_is_refused(amount: str) -> None:
    assert code_of(sample.sealed("genVietQR", START, amount=amount)) == "001"


@pytest.mark.parametrize("account", ["x" * 20, "số tài khoản"])
def test_a_code_of_no_account_is_refused(account: str) -> None:
    assert code_of(sample.sealed("genVietQR", START, code=account)) == "001"


# --- proof ---------------------------------------------------------------------------------------------------


def test_every_header_is_needed() -> None:
    """bidv-va#headers."""
    for name in HEADERS:
        assert code_of(changed("createVAQLBH", **{name: ""})) == "001", name


@pytest.mark.parametrize(
    ("at", "status"),
    [("2026-11-22T10:00:00.000+07:00", 200), ("2018-06-01T21:14:00.974Z", 200), ("22/11/2026", 400), ("x", 400)],
)
def test_a_timestamp_is_one(at: str, status: int) -> None:
    assert said(changed("createVAQLBH", timestamp=at))[0] == status


def test_an_impostor_and_a_changed_message_are_refused() -> None:
    good = sample.sealed("createVAQLBH", START)
    forged = sample.jws(good.body, "bank_private_key", "vietinbank")
    assert said(changed("createVAQLBH", **{"x-jws-signature": forged}))[0] == 400
    for signature in ("", "a.b.c", "..", "không", good.headers["x-jws-signature"][:-4]):
        assert said(changed("createVAQLBH", **{"x-jws-signature": signature}))[0] == 400
    other = sample.sealed("createVAQLBH", START, accountNo="1200000001")
    assert said(msgspec.structs.replace(good, body=other.body))[0] == 400


@pytest.mark.parametrize("name", ["protected", "ciphertext", "iv", "tag", "recipients"])
def test_a_changed_part_is_noticed(name: str) -> None:
    sealed = sample.jwe(json.dumps(sample.FIELDS["createVAQLBH"]).encode())
    for value in (None, "", "AAAA", "không", [], [{}], [{"encrypted_key": "AAAA"}], [7], 7):
        body = json.dumps({**sealed, name: value}).encode()
        headers = {**sample.headers(START), "x-jws-signature": sample.jws(body)}
        request = Request("POST", sample.PATHS["createVAQLBH"], headers=headers, body=body)
        assert said(request)[0] == 400, value


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A128CBC-HS256"},
        {"alg": "A256KW", "enc": "A256GCM"},
        {"alg": "none"},
    ],
)
def test_no_other_algorithm_is_taken(header: dict[str, str]) -> None:
    body = json.dumps(sample.jwe(json.dumps(sample.FIELDS["createVAQLBH"]).encode(), header)).encode()
    headers = {**sample.headers(START), "x-jws-signature": sample.jws(body)}
    assert said(Request("POST", sample.PATHS["createVAQLBH"], headers=headers, body=body))[0] == 400


def test_nothing_packed_is_unpacked() -> None:
    """A few bytes could become more than a bank can hold."""
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(json.dumps(sample.FIELDS["createVAQLBH"]).encode()) + packer.flush()
    body = json.dumps(sample.jwe(packed, {**sample.WRAPPED, "zip": "DEF"})).encode()
    headers = {**sample.headers(START), "x-jws-signature": sample.jws(body)}
    assert said(Request("POST", sample.PATHS["createVAQLBH"], headers=headers, body=body))[0] == 400


def test_a_signature_of_no_algorithm_is_refused() -> None:
    good = sample.sealed("createVAQLBH", START)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    _, payload, _ = good.headers["x-jws-signature"].split(".")
    assert said(changed("createVAQLBH", **{"x-jws-signature": f"{none}.{payload}."}))[0] == 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
PARTS = st.sampled_from(["recipients", "protected", "ciphertext", "iv", "tag", "x"])


@given(kind=st.sampled_from(KINDS), parts=st.dictionaries(PARTS, JSON, max_size=4), header=JSON)
def test_whatever_is_signed_is_refused_or_understood(kind: str, parts: dict[str, Any], header: object) -> None:
    protected = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    sealed = sample.jwe(json.dumps(sample.FIELDS[kind]).encode())
    body = json.dumps({**sealed, "protected": protected, **parts}).encode()
    headers = {**sample.headers(START), "x-jws-signature": sample.jws(body)}
    assert said(Request("POST", sample.PATHS[kind], headers=headers, body=body))[0] in (200, 400)


# --- tokens and the bill -------------------------------------------------------------------------------------


def test_a_token_is_given_for_the_secret() -> None:
    status, fields = said(sample.token())
    assert (status, fields["token_type"], fields["expires_in"], fields["scope"]) == (200, "Bearer", 3600, "ewallet")
    assert f"Bearer {fields['access_token']}" == sample.bearer(START)
    assert said(sample.token(secret="wrong")) == (401, {"error": "invalid_client"})
    assert said(sample.token(client="NOBODY")) == (401, {"error": "invalid_client"})
    assert said(sample.token(grant="password")) == (400, {"error": "unsupported_grant_type"})
    assert said(Request("POST", "/oauth2/token", body=b"\xff")) == (400, {"error": "invalid_request"})


def test_a_token_that_is_missing_or_old_is_refused() -> None:
    for token in ("", "Bearer", "Bearer x", "Basic x", sample.bearer(START)[:-3]):
        assert said(changed("createVAQLBH", authorization=token)) == (401, {"error": "invalid_token"})
    old = sample.bearer(START - timedelta(hours=1))
    assert said(changed("createVAQLBH", authorization=old))[0] == 401
    last = sample.bearer(START - timedelta(hours=1) + timedelta(seconds=1))
    assert said(changed("createVAQLBH", authorization=last))[0] == 200


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_an_answer(reason: Reason) -> None:
    for endpoint in DIALECT.endpoints:
        assert endpoint.encode(Request("POST", endpoint.path), None, Refusal(reason)).status in (200, 400, 401)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with worlds_in(tmp_path) as worlds:
        yield await worlds.create("ci", seed="1", clock_at=START)


async def test_a_registration_makes_no_payment(world: World) -> None:
    for kind in KINDS:
        response = (await ask(world, "bidv_va", sample.sealed(kind, START))).response
        assert json.loads(response.body)["errorCode"] == "000"
    assert await world.store.payments(world.name) == []


def test_what_is_paid_is_a_bill_of_the_bank() -> None:
    assert DIALECT.inquiry is not None
    assert Channel.QR in DIALECT.channels
    assert not DIALECT.tells_failures
