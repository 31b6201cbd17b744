"""npm vnpay 2.5.0 and vietnam-qr-pay 1.5.1, unmodified, against a running banksim: an understanding that is not ours.

What the packages are known to do wrong is a test of its own here, so that nobody takes it for the simulator's fault.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from simulator import qr
from simulator.client import Banksim, PaymentView, SandboxClient
from tests.npm import installed, missing

pytestmark = pytest.mark.node

HERE = Path(__file__).parent / "witness/vnpay"
ROOT = HERE.parents[2]
SECRET = "SIMULATORSECRETKEY0123456789ABCD"
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
"""09:00:00 in Vietnam, the time of every sandbox here."""
ANSWER_S = 60
CREATED = 20260105090000
HOSTILE = "Nộp lệ phí (hồ sơ) #5 * a~b 'x' !100% A+B/C&D=E"


@pytest.fixture(scope="session")
def node() -> str:
    if missing():
        pytest.skip(f"NOT WITNESSED: {missing()} not installed, so no foreign client judged the VNPAY dialect")
    installed(HERE)
    return str(shutil.which("node"))


@pytest.fixture(scope="session")
def base_url(node: str) -> Iterator[str]:
    """A running banksim on a store of its own; `node` first, for without it nothing needs a server."""
    with tempfile.TemporaryDirectory(prefix="witness-") as folder:
        command = [sys.executable, "-m", "simulator", "serve", "--port", "0", "--seed", "witness"]
        command += ["--store", str(Path(folder) / "banksim.db")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            ready = next((line for line in server.stdout if line.startswith("banksim ready at ")), None)
            assert ready is not None, "banksim did not start"
            try:
                yield ready.removeprefix("banksim ready at ").strip()
            finally:
                server.terminate()


class Packages:
    """The script in node, a process for each time zone in which it is to believe to be."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.running: dict[str, subprocess.Popen[str]] = {}

    def call(self, tz: str, request: dict[str, Any]) -> dict[str, Any]:
        if tz not in self.running:
            self.running[tz] = subprocess.Popen(
                [self.node, str(HERE / "witness.mjs")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env={**os.environ, "TZ": tz},
            )
        process = self.running[tz]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        watchdog = Timer(ANSWER_S, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        assert line, f"the package died, or gave no answer to {request['call']} within {ANSWER_S} s"
        return json.loads(line)

    def close(self) -> None:
        for process in self.running.values():
            process.communicate()


@pytest.fixture(scope="session")
def packages(node: str) -> Iterator[Packages]:
    found = Packages(node)
    yield found
    found.close()


class Foreign:
    """A merchant who relies on the packages, and the bank that they talk to."""

    def __init__(self, packages: Packages, base_url: str, sandbox: SandboxClient) -> None:
        self.packages = packages
        self.sandbox = sandbox
        self.bank_url = f"{base_url}/s/{sandbox.view().name}/vnpay"

    def call(self, name: str, data: object = None, *, tz: str = "UTC", **config: object) -> Any:
        """The result of one call of the package. Raises RuntimeError with what it threw."""
        settings = {
            "tmnCode": "DEMOV210",
            "secureSecret": SECRET,
            "vnpayHost": self.bank_url,
            "queryDrAndRefundHost": self.bank_url,
            "testMode": False,
        }
        told = self.packages.call(tz, {"call": name, "config": settings | config, "data": data})
        if "error" in told:
            raise RuntimeError(told["error"])
        return told["result"]

    def order(self, ref: str, **changes: object) -> dict[str, object]:
        return {
            "vnp_Amount": 50_000,
            "vnp_IpAddr": "127.0.0.1",
            "vnp_TxnRef": ref,
            "vnp_OrderInfo": "Nop le phi ho so",
            "vnp_ReturnUrl": "https://portal.test/return",
            "vnp_CreateDate": CREATED,
            "vnp_ExpireDate": CREATED + 1500,
            "vnp_BankCode": "NCB",
            **changes,
        }

    def open(self, ref: str, **changes: object) -> PaymentView:
        """The package builds the address, a browser goes there, and the bank knows the payment."""
        url = self.call("buildPaymentUrl", self.order(ref, **changes))
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 302
        payment = self.payment(ref)
        assert answer.headers["location"] == payment.page_url
        return payment

    def payment(self, ref: str) -> PaymentView:
        [payment] = self.sandbox.payments(order_ref=ref)
        return payment

    def paid(self, ref: str, **changes: object) -> PaymentView:
        return self.sandbox.event(self.open(ref, **changes).payment_id, "approve")

    def told(self, payment: PaymentView, **says: Any) -> dict[str, str]:
        """The parameters of the callback as a merchant's web framework gives them."""
        return parameters(self.sandbox.callback(payment.payment_id, **says).url)

    def ask(self, name: str, ref: str, request_ref: str = "REQ1", **changes: object) -> Any:
        data = {
            "vnp_RequestId": request_ref,
            "vnp_TxnRef": ref,
            "vnp_OrderInfo": "Truy van",
            "vnp_TransactionDate": CREATED,
            "vnp_CreateDate": CREATED + 1000,
            "vnp_IpAddr": "127.0.0.1",
            **changes,
        }
        return self.call(name, data)


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@pytest.fixture
def foreign(packages: Packages, base_url: str) -> Iterator[Foreign]:
    with Banksim(base_url) as bank:
        sandbox = bank.create_sandbox(clock_at=START)
        sandbox.set_merchant("vnpay", "DEMOV210", callback_url="http://127.0.0.1:9/callbacks/vnpay")
        yield Foreign(packages, base_url, sandbox)
        sandbox.drop()


# --- the payment's address -----------------------------------------------------------------------------------


def test_the_lock_file_pins_the_witnesses_and_names_no_host() -> None:
    text = (HERE / "package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text
    assert "resolved" not in text
    packages = json.loads(text)["packages"]
    assert packages["node_modules/vnpay"]["version"] == "2.5.0"
    assert packages["node_modules/vietnam-qr-pay"]["version"] == "1.5.1"
    assert all("integrity" in package for name, package in packages.items() if name)


@pytest.mark.parametrize("amount_vnd", [1, 50_000, 2**31, 9_999_999_999])
def test_a_payment_address_is_understood(foreign: Foreign, amount_vnd: int) -> None:
    payment = foreign.open("HS-1", vnp_Amount=amount_vnd)
    assert (payment.order_amount_vnd, payment.order_key) == (amount_vnd, "HS-1|20260105")
    assert payment.expires_at == START + timedelta(minutes=15)
    assert (payment.issuer_code, payment.channel) == ("NCB", "internet_banking")


@pytest.mark.parametrize(
    "text", [HOSTILE, "!'()*~", "%2B+%20 &amp;", "a=b&c=d", "Đặng Ồ ữ", "日本 🙂", "'; DROP TABLE--"]
)
def test_a_hostile_text_is_signed_and_read_alike(foreign: Foreign, text: str) -> None:
    payment = foreign.paid("HS-1", vnp_OrderInfo=text)
    assert payment.description == text
    [entry] = foreign.sandbox.journal(payment_id=payment.payment_id)
    assert "signature" not in entry.note
    for verified in (
        foreign.call("verifyIpnCall", foreign.told(payment)),
        foreign.call("verifyReturnUrl", parameters(foreign.sandbox.browser_return(payment.payment_id))),
    ):
        assert verified["isVerified"] is True
        assert verified["vnp_OrderInfo"] == text


def test_an_address_changed_on_its_way_leads_to_the_error_page(foreign: Foreign) -> None:
    url = foreign.call("buildPaymentUrl", foreign.order("HS-1"))
    answer = httpx.get(url.replace("vnp_Amount=5000000", "vnp_Amount=100"), trust_env=False)
    assert answer.status_code == 302
    place = str(httpx.URL(url).join(answer.headers["location"]))
    assert place == f"{foreign.bank_url}/paymentv2/Payment/Error.html?code=70"
    assert foreign.sandbox.payments() == ()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA256"])
def test_the_packages_older_algorithms_are_refused(foreign: Foreign, algorithm: str) -> None:
    url = foreign.call("buildPaymentUrl", foreign.order("HS-1"), hashAlgorithm=algorithm)
    assert httpx.get(url, trust_env=False).headers["location"].endswith("code=70")


# --- callback and return -------------------------------------------------------------------------------------


def test_a_paid_order_is_verified_by_callback_and_return(foreign: Foreign) -> None:
    payment = foreign.paid("HS-1")
    told = foreign.told(payment)
    returned = parameters(foreign.sandbox.browser_return(payment.payment_id))
    assert told == returned
    verified = foreign.call("verifyIpnCall", told)
    assert (verified["isVerified"], verified["isSuccess"]) == (True, True)
    assert verified["vnp_Amount"] == 50_000
    assert foreign.call("verifyReturnUrl", returned)["isVerified"] is True


@pytest.mark.parametrize(
    ("event", "outcome", "code"),
    [
        ("decline", "insufficient_funds", "51"),
        ("decline", "account_locked", "12"),
        ("decline", "other", "99"),
        ("cancel", None, "24"),
        ("expire", None, "11"),
        ("suspect", None, "07"),
    ],
)
def test_a_failed_order_is_verified_and_no_success(
    foreign: Foreign, event: str, outcome: str | None, code: str
) -> None:
    payment = foreign.sandbox.event(foreign.open("HS-1").payment_id, event, outcome)
    verified = foreign.call("verifyIpnCall", foreign.told(payment))
    assert (verified["isVerified"], verified["isSuccess"]) == (True, False)
    assert verified["vnp_ResponseCode"] == code


def test_a_forged_callback_is_not_verified(foreign: Foreign) -> None:
    verified = foreign.call("verifyIpnCall", foreign.told(foreign.paid("HS-1"), forged=True))
    assert verified["isVerified"] is False


# --- query and refund ----------------------------------------------------------------------------------------


def test_a_query_is_answered_and_verified(foreign: Foreign) -> None:
    payment = foreign.paid("HS-1")
    answer = foreign.ask("queryDr", "HS-1")
    assert (answer["isVerified"], answer["isSuccess"]) == (True, True)
    assert (answer["vnp_TransactionStatus"], answer["vnp_TransactionType"]) == ("00", "01")
    assert (answer["vnp_TransactionNo"], answer["vnp_BankCode"]) == (payment.bank_ref, "NCB")


def test_a_query_of_an_unpaid_order_worked_but_is_not_paid(foreign: Foreign) -> None:
    foreign.open("HS-1")
    answer = foreign.ask("queryDr", "HS-1")
    assert (answer["isVerified"], answer["isSuccess"], answer["vnp_TransactionStatus"]) == (True, True, "01")


def test_a_query_of_an_unknown_order_is_91_and_verified(foreign: Foreign) -> None:
    answer = foreign.ask("queryDr", "NONE")
    assert (answer["isVerified"], answer["isSuccess"], answer["vnp_ResponseCode"]) == (True, False, "91")


def test_a_query_within_five_minutes_is_94(foreign: Foreign) -> None:
    foreign.paid("HS-1")
    codes = [foreign.ask("queryDr", "HS-1", "REQ1")["vnp_ResponseCode"]]
    foreign.sandbox.advance(299)
    codes.append(foreign.ask("queryDr", "HS-1", "REQ2")["vnp_ResponseCode"])
    foreign.sandbox.advance(1)
    codes.append(foreign.ask("queryDr", "HS-1", "REQ3")["vnp_ResponseCode"])
    assert codes == ["00", "94", "00"]


REFUND = {"vnp_CreateBy": "admin", "vnp_OrderInfo": "Hoan tien"}


def test_a_part_and_then_the_rest_is_refunded(foreign: Foreign) -> None:
    foreign.paid("HS-1")
    for request_ref, amount_vnd in (("REQ1", 20_000), ("REQ2", 30_000)):
        answer = foreign.ask("refund", "HS-1", request_ref, vnp_Amount=amount_vnd, vnp_TransactionType="03", **REFUND)
        assert (answer["isSuccess"], answer["vnp_Amount"]) == (True, amount_vnd)
    assert foreign.payment("HS-1").state == "refunded"
    assert foreign.payment("HS-1").refunded_vnd == 50_000


@pytest.mark.parametrize(
    ("amount_vnd", "kind", "code"), [(50_001, "03", "93"), (50_000, "02", "00"), (0.5, "03", "93")]
)
def test_a_refund_is_answered_with_its_code(foreign: Foreign, amount_vnd: float, kind: str, code: str) -> None:
    foreign.paid("HS-1")
    answer = foreign.ask("refund", "HS-1", vnp_Amount=amount_vnd, vnp_TransactionType=kind, **REFUND)
    assert answer["vnp_ResponseCode"] == code


def test_an_unpaid_order_is_not_refunded(foreign: Foreign) -> None:
    foreign.open("HS-1")
    answer = foreign.ask("refund", "HS-1", vnp_Amount=50_000, vnp_TransactionType="02", **REFUND)
    assert (answer["isVerified"], answer["isSuccess"], answer["vnp_ResponseCode"]) == (True, False, "95")


# --- merchant-hosted QR and the list of banks ----------------------------------------------------------------


def test_a_qr_code_is_read_by_the_foreign_reader(foreign: Foreign) -> None:
    answer = foreign.call("generateQr", foreign.order("HS-1"))
    assert answer["code"] == "00"
    read = foreign.call("readQr", answer["qrcontent"])
    assert (read["isValid"], read["provider"]["guid"], read["amount"]) == (True, "A000000775", "50000")
    assert read["merchant"]["id"] == "DEMOV210"
    assert read["additionalData"]["billNumber"] == read["additionalData"]["reference"] == "HS-1"
    assert foreign.payment("HS-1").channel == "qr"


def test_a_code_of_the_foreign_writer_is_read_by_ours(foreign: Foreign) -> None:
    data = {
        "merchantId": "DEMOV210",
        "merchantName": "CONG DVC",
        "store": "QUAY 1",
        "terminal": "Q1",
        "amount": "50000",
        "reference": "HS-1",
    }
    code = qr.parse(foreign.call("writeQr", data))
    assert (code.scheme, code.beneficiary, code.amount_vnd) == (qr.Scheme.VNPAY, "DEMOV210", 50_000)
    assert (code.store, code.terminal, code.reference) == ("QUAY 1", "Q1", "HS-1")


def test_a_refused_qr_code_has_its_code_and_no_content(foreign: Foreign) -> None:
    foreign.paid("HS-1")
    answer = foreign.call("generateQr", foreign.order("HS-1"))
    assert (answer["code"], answer["qrcontent"]) == ("01", "")
    assert foreign.call("generateQr", foreign.order("HS-2"), secureSecret="wrong")["code"] == "70"


def test_the_list_of_banks_is_read(foreign: Foreign) -> None:
    banks = foreign.call("getBankList")
    assert {"NCB", "VIETCOMBANK", "VNPAYQR"} <= {bank["bank_code"] for bank in banks}
    assert all(bank["logo_link"].startswith(f"{foreign.bank_url}/paymentv2/images/") for bank in banks)
    assert foreign.call("getBankList", tmnCode="UNKNOWN1") == []


# --- what the package does wrong -----------------------------------------------------------------------------


def test_quirk_a_rightly_signed_refund_answer_is_not_verified(foreign: Foreign) -> None:
    """It divides vnp_Amount by 100 before it computes the signature."""
    foreign.paid("HS-1")
    answer = foreign.ask("refund", "HS-1", vnp_Amount=50_000, vnp_TransactionType="02", **REFUND)
    assert (answer["isSuccess"], answer["isVerified"]) == (True, False)


def test_quirk_the_default_creation_time_is_right_only_in_utc(foreign: Foreign) -> None:
    order = foreign.order("HS-1")
    del order["vnp_CreateDate"], order["vnp_ExpireDate"]
    created = []
    for tz in ("UTC", "Asia/Ho_Chi_Minh"):
        text = parameters(foreign.call("buildPaymentUrl", order, tz=tz))["vnp_CreateDate"]
        created.append(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC))
    in_vietnam = datetime.now(UTC) + timedelta(hours=7)
    assert abs(created[0] - in_vietnam) < timedelta(minutes=5)
    assert abs(created[1] - in_vietnam - timedelta(hours=7)) < timedelta(minutes=5)


def test_quirk_success_is_claimed_although_the_signature_is_wrong(foreign: Foreign) -> None:
    told = foreign.told(foreign.paid("HS-1")) | {"vnp_Amount": "100"}
    verified = foreign.call("verifyIpnCall", told)
    assert (verified["isVerified"], verified["isSuccess"]) == (False, True)


def test_quirk_the_transaction_status_is_ignored(foreign: Foreign) -> None:
    told = foreign.told(foreign.paid("HS-1"), state="failed", outcome="success")
    assert (told["vnp_ResponseCode"], told["vnp_TransactionStatus"]) == ("00", "02")
    verified = foreign.call("verifyIpnCall", told)
    assert (verified["isVerified"], verified["isSuccess"]) == (True, True)


def test_quirk_test_mode_overrides_the_host(foreign: Foreign) -> None:
    url = foreign.call("buildPaymentUrl", foreign.order("HS-1"), testMode=True)
    assert urlsplit(url).hostname == "sandbox.vnpayment.vn"


def test_quirk_an_upper_case_signature_is_not_verified(foreign: Foreign) -> None:
    told = foreign.told(foreign.paid("HS-1"))
    told["vnp_SecureHash"] = told["vnp_SecureHash"].upper()
    assert foreign.call("verifyIpnCall", told)["isVerified"] is False


def test_quirk_an_amount_that_is_no_number_is_thrown(foreign: Foreign) -> None:
    told = foreign.told(foreign.paid("HS-1")) | {"vnp_Amount": "abc"}
    with pytest.raises(RuntimeError, match="Invalid amount"):
        foreign.call("verifyIpnCall", told)


def test_quirk_a_query_is_in_hundredths_and_a_callback_and_a_refund_in_dong(foreign: Foreign) -> None:
    payment = foreign.paid("HS-1")
    assert foreign.call("verifyIpnCall", foreign.told(payment))["vnp_Amount"] == 50_000
    assert int(foreign.ask("queryDr", "HS-1")["vnp_Amount"]) == 5_000_000
    refund = foreign.ask("refund", "HS-1", "REQ2", vnp_Amount=50_000, vnp_TransactionType="02", **REFUND)
    assert refund["vnp_Amount"] == 50_000


def test_quirk_the_merchants_own_parameters_are_signed_too_so_a_return_with_them_fails(foreign: Foreign) -> None:
    payment = foreign.paid("HS-1", vnp_ReturnUrl="https://portal.test/return?lang=vi")
    url = foreign.sandbox.browser_return(payment.payment_id)
    assert url.startswith("https://portal.test/return?lang=vi&vnp_Amount=5000000&")
    given = parameters(url)
    assert foreign.call("verifyReturnUrl", given)["isVerified"] is False
    ours = {name: value for name, value in given.items() if name.startswith("vnp_")}
    assert foreign.call("verifyReturnUrl", ours)["isVerified"] is True


def test_quirk_an_error_message_of_genqr_is_replaced_by_the_packages_own(foreign: Foreign) -> None:
    foreign.paid("HS-1")
    url = foreign.call("buildPaymentUrl", foreign.order("HS-1") | {"vnp_Command": "genqr"})
    told = httpx.get(url, trust_env=False).json()
    assert told == {"code": "01", "message": "This transaction already exists.", "qrcontent": ""}
    assert foreign.call("generateQr", foreign.order("HS-1"))["message"] == "Giao dịch đã tồn tại"


def test_quirk_a_missing_transaction_number_is_signed_as_0_and_not_sent(foreign: Foreign) -> None:
    foreign.paid("HS-1")
    foreign.ask("refund", "HS-1", vnp_Amount=50_000, vnp_TransactionType="02", **REFUND)
    notes = [entry.note for entry in foreign.sandbox.journal() if entry.operation == "refund"]
    assert notes == ["an absent vnp_TransactionNo is signed as 0"]


def test_a_browser_may_reload_the_payment_page(foreign: Foreign) -> None:
    url = foreign.call("buildPaymentUrl", foreign.order("HS-1"))
    places = {httpx.get(url, trust_env=False).headers["location"] for _ in range(3)}
    assert places == {foreign.payment("HS-1").page_url}
    again = foreign.call("buildPaymentUrl", foreign.order("HS-1", vnp_Amount=60_000))
    assert httpx.get(again, trust_env=False).headers["location"] == "Payment/Error.html?" + urlencode({"code": "01"})


def test_quirk_dates_and_amounts_of_a_query_and_a_refund_are_sent_as_numbers(foreign: Foreign) -> None:
    """vnpay-clients#numbers: the documents have texts; the bank takes both."""
    foreign.paid("HS-1")
    foreign.ask("queryDr", "HS-1")
    foreign.ask("refund", "HS-1", "REQ2", vnp_Amount=50_000, vnp_TransactionType="02", **REFUND)
    asked = {
        each.operation: json.loads(each.request_body) for each in foreign.sandbox.journal() if each.method == "POST"
    }
    assert asked["query"]["vnp_TransactionDate"] == asked["refund"]["vnp_TransactionDate"] == CREATED
    assert (asked["refund"]["vnp_Amount"], asked["refund"]["vnp_CreateDate"]) == (5_000_000, CREATED + 1000)
    assert "vnp_TransactionNo" not in asked["refund"]


def test_quirk_an_empty_value_is_neither_sent_nor_signed(foreign: Foreign) -> None:
    assert "vnp_BankCode" not in foreign.call("buildPaymentUrl", foreign.order("HS-1", vnp_BankCode=""))
    told = foreign.told(foreign.paid("HS-1"))
    assert foreign.call("verifyIpnCall", told | {"vnp_New": ""})["isVerified"] is True
    assert foreign.call("verifyIpnCall", told | {"vnp_New": "x"})["isVerified"] is False


def test_quirk_success_is_claimed_without_any_signature(foreign: Foreign) -> None:
    told = foreign.told(foreign.paid("HS-1"))
    del told["vnp_SecureHash"]
    verified = foreign.call("verifyIpnCall", told)
    assert (verified["isVerified"], verified["isSuccess"]) == (False, True)


def test_quirk_the_callback_of_another_merchant_with_the_same_secret_is_a_success(foreign: Foreign) -> None:
    told = foreign.told(foreign.paid("HS-1"))
    verified = foreign.call("verifyIpnCall", told, tmnCode="OTHER210")
    assert (verified["isVerified"], verified["isSuccess"]) == (True, True)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("account_locked", "12"), ("wrong_otp", "13"), ("wrong_password", "79")],
)
def test_quirk_three_documented_codes_have_no_text_of_their_own(foreign: Foreign, outcome: str, code: str) -> None:
    """vnpay-pay-2-1-0#codes: the package's list has 05 and 06 instead, which the documents have no more."""
    payment = foreign.sandbox.event(foreign.open("HS-1").payment_id, "decline", outcome)
    verified = foreign.call("verifyIpnCall", foreign.told(payment))
    assert (verified["vnp_ResponseCode"], verified["message"]) == (code, "Giao dịch thất bại")


# --- what vietnam-qr-pay for npm does wrong ------------------------------------------------------------------

CODES = {
    vector["key"]: vector["text"]
    for vector in json.loads((ROOT / "fixtures/wire/qr/vectors.json").read_text(encoding="utf-8"))
}


def read_qr(packages: Packages, text: str) -> Any:
    return packages.call("UTC", {"call": "readQr", "data": text})["result"]


def write_vietqr(packages: Packages, **data: str) -> str:
    told = packages.call("UTC", {"call": "writeVietQr", "data": {"bankBin": "970415", **data}})
    return str(told["result"])


@pytest.mark.parametrize("key", [key for key in CODES if key[0] in "TEG" and key != "G3"])
def test_every_right_code_is_read_by_npm_as_we_read_it(packages: Packages, key: str) -> None:
    theirs, ours = read_qr(packages, CODES[key]), qr.parse(CODES[key])
    assert theirs["isValid"] is True
    assert theirs.get("amount") == (None if ours.amount_vnd is None else str(ours.amount_vnd))
    number = theirs["merchant"]["id"] if ours.scheme is qr.Scheme.VNPAY else theirs["consumer"]["bankNumber"]
    assert number == ours.beneficiary
    assert theirs["additionalData"].get("purpose", "") == ours.purpose


@pytest.mark.parametrize("key", ["X2", "X3", "X5", "X6", "G3"])
def test_a_wrong_checksum_is_noticed_by_npm(packages: Packages, key: str) -> None:
    assert read_qr(packages, CODES[key])["isValid"] is False


def test_quirk_npm_reads_another_account_where_a_length_is_wrong(packages: Packages) -> None:
    """vietqr-2021: the misprinted example says 12 and has 13 characters."""
    read = read_qr(packages, CODES["X1"])
    assert (read["isValid"], read["consumer"]["bankNumber"]) == (True, "001101234567")


def test_quirk_npm_reads_an_amount_of_zero(packages: Packages) -> None:
    read = read_qr(packages, CODES["X4"])
    assert (read["isValid"], read["amount"]) == (True, "0")


def test_quirk_npm_reads_a_purpose_above_its_limit(packages: Packages) -> None:
    read = read_qr(packages, CODES["X7"])
    assert (read["isValid"], len(read["additionalData"]["purpose"])) == (True, 26)


def test_quirk_npm_counts_a_diacritic_as_one_and_writes_it(packages: Packages) -> None:
    text = write_vietqr(packages, bankNumber="119000123456", amount="20000", purpose="Nộp lệ phí")
    assert text == CODES["X8"]


def test_quirk_npm_takes_a_checksum_in_lower_case(packages: Packages) -> None:
    assert read_qr(packages, CODES["T1"][:-4] + CODES["T1"][-4:].lower())["isValid"] is True


def test_quirk_npm_writes_accounts_and_purposes_of_any_length_so_that_a_length_has_three_digits(
    packages: Packages,
) -> None:
    long_account = write_vietqr(packages, bankNumber="1" * 25, amount="20000")
    with pytest.raises(qr.QrError) as error:
        qr.parse(long_account)
    assert (error.value.reason, error.value.where) == (qr.QrReason.TOO_LONG, "38-01-01")
    # 4 + 99 characters of object 62 are written as 03, its last two digits.
    assert "62030899x" in write_vietqr(packages, bankNumber="119000123456", amount="20000", purpose="x" * 99)


def test_quirk_npm_writes_an_amount_of_zero_and_one_above_the_limit(packages: Packages) -> None:
    for amount in ("0", "500000000"):
        assert f"54{len(amount):02d}{amount}" in write_vietqr(packages, bankNumber="119000123456", amount=amount)


def test_quirk_npm_says_static_for_a_vnpay_code_with_an_amount(packages: Packages) -> None:
    """vietnam-qr-pay#vnpay: ours say so too, for that is what is seen."""
    data = {"merchantId": "0102154778", "merchantName": "TUGIACOMPANY", "store": "TU GIA COMPUTER"}
    data |= {"terminal": "TUGIACO1", "amount": "18060", "reference": "HS0001", "purpose": "HS0001"}
    text = packages.call("UTC", {"call": "writeQr", "data": data})["result"]
    assert text == CODES["G2"]
    assert (qr.parse(text).dynamic, qr.parse(text).amount_vnd) == (False, 18_060)


def test_quirk_npm_has_another_number_for_cimb_and_an_odd_swift_code_for_oceanbank(packages: Packages) -> None:
    """sbv-1589: 970459 is assigned to CIMB."""
    banks = {key: packages.call("UTC", {"call": "bank", "data": key})["result"] for key in ("cimb", "oceanbank")}
    assert banks["cimb"]["bin"] == "422589"
    assert (banks["oceanbank"]["bin"], banks["oceanbank"]["swiftCode"]) == ("970414", "OCBKUS3M")
