"""`banksim doctor`: every thing that is configured wrongly is named with its cause, and what is right is left alone."""

import argparse
import base64
import itertools
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from conformance import doctor
from conformance.connections import why_unreachable
from conformance.order_times import times_in, wrong_time
from conformance.running import started_simulator
from conformance.spoiled_keys import RAW, reads_no_pem, spoiled
from conformance.targets.portal.app import portal_app
from conformance.targets.portal.bank_line import BankLine
from conformance.targets.portal.books import Books
from conformance.targets.portal.moments import set_off
from conformance.targets.portal.portal import Portal
from conformance.targets.portal.services import shipped
from conformance.targets.portal.settings import Settings
from simulator.client import Banksim
from simulator.signing import hmac_sha256_hex
from tests.portals import key_text

ROOT = Path(__file__).resolve().parent.parent
PORTAL = ROOT / "conformance" / "targets" / "portal.toml"

BANKS = {
    "vnpay": 'methods = ["redirect"]\ncallback_url = "{callbacks}/vnpay"',
    "dvcqg": 'methods = ["redirect"]\ncallback_url = "{callbacks}/dvcqg/confirm"\n'
    'inquiry_url = "{callbacks}/dvcqg/lookup"\noptions = {{ return_url = "{{base_url}}/return/dvcqg" }}',
    "vietinbank": 'methods = ["bill"]\ncallback_url = "{callbacks}/vietinbank/notice"\n'
    'inquiry_url = "{callbacks}/vietinbank/inquiry"',
    "bidv": 'methods = ["bill"]\ncallback_url = "{callbacks}/bidv/paybill"\ninquiry_url = "{callbacks}/bidv/getbill"',
    "payos": 'methods = ["redirect"]\ncallback_url = "{callbacks}/payos"',
    "sepay": 'methods = ["qr"]\ncallback_url = "{callbacks}/sepay"',
    "onepay_domestic": 'methods = ["redirect"]\ncallback_url = "{callbacks}/onepay_domestic"',
    "vietcombank_qn": 'methods = ["redirect"]\ncallback_url = "{callbacks}/vietcombank_qn"',
    "vietinbank_dn": 'methods = ["redirect"]\ncallback_url = "{callbacks}/vietinbank_dn"',
}

VERBS = """
[[verbs.open]]
method = "POST"
path = "/api/dossiers"
json = { dossier_code = "{dossier_code}", fee_vnd = "{amount_vnd}", applicant = "{payer}", phone = "{phone}" }
once = true
[[verbs.open]]
method = "POST"
path = "/api/dossiers/{dossier_code}/payments"
json = { bank = "{bank}", method = "{method}", amount_vnd = "{amount_vnd}" }
answer = { kind = "kind", order_ref = "order_ref", url = "url", payload = "payload", bill_code = "bill_code" }
[verbs.status]
method = "GET"
path = "/api/dossiers/{dossier_code}"
answer = { status = "status", amount_paid_vnd = "amount_paid_vnd", receipts = "receipts" }
"""

Edit = Callable[[str], str]
_NUMBERS = itertools.count(1)


def unchanged(text: str) -> str:
    return text


def replacing(old: str, new: str) -> Edit:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What is wrong: in the portal's contracts and clock, in the target file, or at the bank."""

    contracts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clock_offset_s: int = 0
    edit: Edit = unchanged
    bank_url: str = ""
    certificate: Path | None = None
    at_bank: Mapping[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with started_simulator(tmp_path_factory.mktemp("doctor")) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Surgery:
    """Where doctors look: a running simulator, and a portal of its own for every look."""

    simulator: str
    folder: Path
    capsys: pytest.CaptureFixture[str]

    def told(self, *banks: str, plant: Plant | None = None) -> list[str]:
        """The doctor's sentences, without the word before each."""
        plant = plant or Plant()
        name = f"d{next(_NUMBERS)}"
        with ExitStack() as leaving:
            client = leaving.enter_context(Banksim(self.simulator))
            sandbox = client.create_sandbox(name, seed="7", manual=True)
            leaving.callback(sandbox.drop)
            for bank in banks if plant.at_bank else ():
                merchant = next(each for each in sandbox.merchants() if each.bank == bank)
                sandbox.set_merchant(bank, merchant.merchant_code, **plant.at_bank)
            address = leaving.enter_context(self._portal(name, plant))
            target = self.folder / f"{name}.toml"
            target.write_text(plant.edit(self._target(name, address, banks)), encoding="utf-8")
            parser = argparse.ArgumentParser()
            doctor.add_arguments(parser)
            code = doctor.run(parser.parse_args(["--target", str(target), "--url", self.simulator]))
        told = self.capsys.readouterr()
        assert code == (1 if told.err else 0), told
        return [line.removeprefix("configuration: ") for line in told.err.splitlines()]

    def _target(self, name: str, address: str, banks: tuple[str, ...]) -> str:
        head = f'[connector]\nname = "Portal"\nbase_url = "{address}"\nsettle_s = 0\n'
        head += f'bank_url = "{self.simulator}/s/{name}"\n'
        tables = [f"[banks.{bank}]\n{BANKS[bank].format(callbacks='{base_url}/callbacks')}\n" for bank in banks]
        return head + "".join(tables) + VERBS

    @contextmanager
    def _portal(self, name: str, plant: Plant) -> Iterator[str]:
        listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if plant.certificate else "http"
        address = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        servers: list[uvicorn.Server] = []
        ready = threading.Event()

        def serve() -> None:
            settings = Settings(
                bank_url=plant.bank_url or f"{self.simulator}/s/{name}",
                public_url=address,
                database=self.folder / f"{name}.db",
                contracts={"sepay": {"max_drift_s": "0"}, "bidv": {"max_drift_s": "0"}} | dict(plant.contracts),
                poll_every_s=0,
            )
            books = Books(settings.database)
            portal = Portal(
                settings=settings,
                books=books,
                line=BankLine(settings.bank_timeout_s),
                clock=set_off(plant.clock_offset_s),
                catalogue=shipped(),
                flaws=frozenset(),
            )
            app = portal_app(portal, on_start=ready.set)
            tls = {"ssl_certfile": str(plant.certificate)} if plant.certificate else {}
            servers.append(uvicorn.Server(uvicorn.Config(app, log_level="critical", **tls)))
            servers[0].run(sockets=[listener])

        thread = threading.Thread(target=serve)
        thread.start()
        assert ready.wait(30)
        try:
            yield address
        finally:
            servers[0].should_exit = True
            thread.join()


@pytest.fixture
def surgery(simulator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Surgery:
    return Surgery(simulator, tmp_path, capsys)


def test_a_connector_that_is_configured_right_has_no_problem_at_any_bank(surgery: Surgery) -> None:
    assert surgery.told(*BANKS) == []


def test_the_shipped_target_is_configured_right(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    assert doctor.run(parser.parse_args(["--target", str(PORTAL), "--bank", "vnpay"])) == 0
    assert capsys.readouterr().out == (
        "Sample portal is configured right: a payment can be opened and its status read (vnpay-redirect, vnpay-qr)\n"
    )


def test_a_bank_that_is_not_declared_cannot_be_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    assert doctor.run(parser.parse_args(["--target", str(PORTAL), "--bank", "vnpy"])) == 1
    assert "configuration: --bank vnpy: Sample portal declares vnpay, dvcqg" in capsys.readouterr().err


# --- keys ----------------------------------------------------------------------------------------------------

VNPAY_KEY = "SIMULATORSECRETKEY0123456789ABCD"
ONEPAY_KEY = "A3EFDFABA8653DF2342E8DAC29B51AF0"
PAYOS_KEY = "1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675"
PAYOS_API_KEY = "66666666-7777-4888-8999-aaaaaaaaaaaa"

KEYS = [
    ("vnpay", "secret", f"{VNPAY_KEY}\n", "the key with a line break at its end, as a file or a copied line has it"),
    ("vnpay", "secret", f"{VNPAY_KEY}\r\n", "the key with a Windows line break at its end"),
    (
        *("vnpay", "secret", f'"{VNPAY_KEY}"'),
        "the key in double quotation marks: they are part of the .env file or of the YAML, not of the key",
    ),
    ("vnpay", "secret", f" {VNPAY_KEY}", "the key with a blank before it"),
    ("vnpay", "secret", f"\ufeff{VNPAY_KEY}", "the key with a byte order mark before it, as Windows' editor writes it"),
    ("vnpay", "secret", VNPAY_KEY.lower(), "the key in lower case"),
    (
        *("vnpay", "secret", base64.b64encode(VNPAY_KEY.encode()).decode()),
        "the key in base64: it is used as it stands",
    ),
    ("vnpay", "secret", VNPAY_KEY.encode().hex(), "the key's letters in hex: it is used as it stands"),
    ("vnpay", "secret", VNPAY_KEY[:-1], "the key without its last character"),
    ("payos", "checksum_key", PAYOS_KEY.upper(), "the key in upper case"),
    ("payos", "checksum_key", PAYOS_API_KEY, "the api_key in its place"),
    (
        *("onepay_domestic", "secret", ONEPAY_KEY.encode().hex()),
        "the key's hex digits as a text: they must be decoded to bytes first",
    ),
    ("dvcqg", "secret", "'demo-secret'", "the key in single quotation marks: they are part of the .env file or of the"),
    ("bidv", "secret", "demo-secret\n", "the key with a line break at its end, as a file or a copied line has it"),
]


@pytest.mark.parametrize(("bank", "name", "key", "what"), KEYS, ids=[f"{each[0]}: {each[3][:40]}" for each in KEYS])
def test_a_key_that_was_spoiled_on_its_way_is_named(
    surgery: Surgery, bank: str, name: str, key: str, what: str
) -> None:
    [told] = surgery.told(
        bank, plant=Plant(contracts={bank: {name: key, "max_drift_s": "0"}} if bank == "bidv" else {bank: {name: key}})
    )
    method = "bill" if bank == "bidv" else "redirect"
    assert told.startswith(f"{bank} {method}: the connector does not use the bank's {name} as it is: it uses {what}")


def test_another_banks_key_is_named(surgery: Surgery) -> None:
    told = surgery.told("vnpay", "vietcombank_qn", plant=Plant(contracts={"vnpay": {"secret": "demo-secret"}}))
    assert told == [
        "vnpay redirect: the connector does not use the bank's secret as it is: it uses the secret of vietcombank_qn"
    ]


def test_a_key_that_resembles_nothing_is_still_a_wrong_key(surgery: Surgery) -> None:
    assert surgery.told("vnpay", plant=Plant(contracts={"vnpay": {"secret": "nothing of the kind"}})) == [
        "vnpay redirect: the bank refuses the first payment order (bad_signature: vnp_SecureHash is wrong, 2.1.0 takes"
        " HMAC-SHA512). Is the connector configured with the test merchant and secret that `banksim serve` shows for"
        " vnpay?"
    ]


def test_a_key_that_the_connector_only_checks_by_is_named_as_well(surgery: Surgery) -> None:
    plant = Plant(contracts={"sepay": {"webhook_secret": "whsec_test_abc\n", "max_drift_s": "0"}})
    assert surgery.told("sepay", plant=plant) == [
        "sepay qr: the connector refuses the bank's callback: the connector does not use the bank's webhook_secret as"
        " it is: it uses the key with a line break at its end, as a file or a copied line has it"
    ]


def test_a_key_that_the_target_file_spoils_is_named(surgery: Surgery) -> None:
    secrets = f"secrets = {{ secret = '''\"{VNPAY_KEY}\"''' }}\n"
    edit = replacing(
        'callback_url = "{base_url}/callbacks/vnpay"\n', f'callback_url = "{{base_url}}/callbacks/vnpay"\n{secrets}'
    )
    assert surgery.told("vnpay", plant=Plant(edit=edit)) == [
        "vnpay redirect: the connector does not use the bank's secret as it is: it uses the key without the quotation"
        " marks that the bank's contract has around it"
    ]


def test_a_key_with_escaped_line_breaks_in_the_target_file_is_named(surgery: Surgery) -> None:
    escaped = key_text("biller_public.pem").replace("\n", "\\n")
    last = 'callback_url = "{base_url}/callbacks/vietinbank_dn"\n'
    edit = replacing(last, f"{last}secrets = {{ portal_public_key = '''{escaped}''' }}\n")
    assert surgery.told("vietinbank_dn", plant=Plant(edit=edit)) == [
        "Portal: the bank vietinbank_dn refuses what is declared: The secret 'portal_public_key' of vietinbank_dn"
        " must be an RSA key in PEM without a password. The line breaks of portal_public_key are written as a backslash"
        " and n"
    ]


def test_another_private_key_is_a_wrong_key(surgery: Surgery) -> None:
    plant = Plant(contracts={"vietinbank_dn": {"private_key_pem": key_text("impostor_private.pem")}})
    [told] = surgery.told("vietinbank_dn", plant=plant)
    assert told.startswith(
        "vietinbank_dn redirect: the bank refuses the first payment order (bad_signature: signature)"
    )


def test_a_pem_whose_line_breaks_are_escaped_is_named_by_what_the_connector_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pem = tmp_path / "escaped.pem"
    pem.write_text(key_text("biller_private.pem").replace("\n", "\\n"), encoding="utf-8")
    words = ["--target", str(PORTAL), "--bank", "vietinbank_dn", "--launch-arg=--contract"]
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    assert doctor.run(parser.parse_args([*words, f"--launch-arg=vietinbank_dn.private_key_pem=@{pem}"])) == 1
    told = capsys.readouterr().err
    assert "the connector cannot read its key (" in told
    assert "a PEM whose line breaks are written as \\n, or stand in one line, looks so to it" in told


def test_a_key_that_was_decoded_though_its_letters_are_the_key_is_found_though_it_is_no_text() -> None:
    form = next(form for form, what in spoiled("payos", PAYOS_KEY) if "decoded from hex" in what)
    assert form == RAW + PAYOS_KEY
    assert hmac_sha256_hex(form, b"data") == hmac_sha256_hex(bytes.fromhex(PAYOS_KEY), b"data")
    encoded = base64.b64encode(b"plain key").decode()
    assert dict(spoiled("payos", encoded))["plain key"] == "the key decoded from base64: its letters are the key"


def test_no_form_of_a_key_is_the_key_itself_or_told_twice() -> None:
    for bank, key in (("vnpay", VNPAY_KEY), ("onepay", ONEPAY_KEY), ("vietinbank_dn", key_text("biller_public.pem"))):
        forms = [form for form, _ in spoiled(bank, key)]
        assert key not in forms
        assert len(forms) == len(set(forms))


@pytest.mark.parametrize(
    ("wrote", "is_it"),
    [
        ("ValueError: Unable to load PEM file. See https://cryptography.io", True),
        ("Error: error:1E08010C:DECODER routines::unsupported", True),
        ("java.security.spec.InvalidKeySpecException: ...", True),
        ("KeyError: 'amount'", False),
    ],
)
def test_what_libraries_say_of_an_unreadable_key_is_known(wrote: str, is_it: bool) -> None:
    assert reads_no_pem(wrote) is is_it


# --- merchants, addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("demov210", "the connector names the merchant 'demov210': it is 'DEMOV210', and stands there in lower case"),
        (
            "SHOP0001",
            "the connector names a merchant that vnpay does not know (unknown_merchant: SHOP0001): the test merchant is"
            " 'DEMOV210'",
        ),
    ],
)
def test_a_wrong_merchant_code_is_named(surgery: Surgery, code: str, sentence: str) -> None:
    told = surgery.told("vnpay", plant=Plant(contracts={"vnpay": {"tmn_code": code}}))
    assert told == [f"vnpay redirect: {sentence}"]


def test_a_return_address_that_is_not_registered_is_named(surgery: Surgery) -> None:
    [told] = surgery.told("vnpay", plant=Plant(at_bank={"return_hosts": ["portal.example"]}))
    assert told.startswith("vnpay redirect: the bank refuses the first payment order (return_url_not_registered: http")
    assert told.endswith(": the return address's host 127.0.0.1 is not registered with the bank (return_hosts)")


def test_a_callback_address_that_nobody_registered_is_named(surgery: Surgery) -> None:
    plant = Plant(edit=replacing('callback_url = "{base_url}/callbacks/vnpay"\n', ""))
    assert surgery.told("vnpay", plant=plant) == [
        "vnpay redirect: the bank has no address for its callback, and the connector has no verb run_jobs by which it"
        " could be told to ask: write callback_url in [banks.vnpay], or [verbs.run_jobs]"
    ]


def test_a_connector_that_only_asks_needs_no_callback_address(surgery: Surgery) -> None:
    without = replacing('callback_url = "{base_url}/callbacks/vnpay"\n', "")
    jobs = '\n[verbs.run_jobs]\nmethod = "POST"\npath = "/api/jobs/run"\n'
    assert surgery.told("vnpay", plant=Plant(edit=lambda text: without(text) + jobs)) == []


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("{base_url}/nobody", r"callback_url http://\S+/nobody does not exist \(HTTP 404\)"),
        (
            "http://127.0.0.1:9/callbacks/vnpay",
            r"the bank cannot reach callback_url http://127.0.0.1:9/callbacks/vnpay: nobody listens at 127.0.0.1 port"
            r" 9",
        ),
    ],
)
def test_a_callback_address_that_leads_nowhere_is_named(surgery: Surgery, url: str, sentence: str) -> None:
    [told] = surgery.told("vnpay", plant=Plant(edit=replacing("{base_url}/callbacks/vnpay", url)))
    assert re.fullmatch(f"vnpay redirect: {sentence}", told)


def test_a_callback_address_that_is_none_is_named(surgery: Surgery) -> None:
    assert surgery.told("vnpay", plant=Plant(edit=replacing("{base_url}/callbacks/vnpay", "portal.example/ipn"))) == [
        "[banks.vnpay] callback_url 'portal.example/ipn' is no address: it begins with http:// or https:// and a host"
    ]


def test_an_inquiry_address_that_leads_nowhere_is_named(surgery: Surgery) -> None:
    [told] = surgery.told("vietinbank", plant=Plant(edit=replacing("vietinbank/inquiry", "vietinbank/ask")))
    assert re.fullmatch(r"vietinbank bill: inquiry_url http://\S+/vietinbank/ask does not exist \(HTTP 404\)", told)


def test_a_bank_that_the_connector_cannot_reach_is_named(surgery: Surgery) -> None:
    [told] = surgery.told("payos", plant=Plant(bank_url="http://127.0.0.1:9"))
    assert re.fullmatch(
        r"payos redirect: it does not hold that the connector answers when asked to open dossier \S+ by payos, redirect"
        r" \(.+\), and nothing reached the bank\. Is http://\S+/payos the connector's address for payos, and can it be"
        r" reached from there\?",
        told,
    )


def test_a_bank_that_the_payer_cannot_reach_is_named(surgery: Surgery) -> None:
    [told] = surgery.told("vnpay", plant=Plant(bank_url="http://127.0.0.1:9"))
    assert re.fullmatch(
        r"vnpay redirect: the payer cannot reach the bank at http://127\.0\.0\.1:9/vnpay/\S+: nobody listens at"
        r" 127\.0\.0\.1 port 9",
        told,
    )


def test_a_bank_at_another_address_is_named_with_where_the_payer_ended(surgery: Surgery) -> None:
    [told] = surgery.told("vnpay", plant=Plant(bank_url=f"{surgery.simulator}/s/nobody"))
    assert re.fullmatch(
        r"vnpay redirect: the bank was never told of the payment order \S+\. Is http://\S+/vnpay the connector's"
        r" address for vnpay, and does answer\.order_ref find the number it tells the bank\? The payer's browser"
        r" ended at http://\S+ \(HTTP 404\)\.",
        told,
    )


def test_a_connector_that_is_not_there_is_named(surgery: Surgery) -> None:
    plant = Plant(
        edit=lambda text: re.sub(r'base_url = "http://127\.0\.0\.1:\d+"', 'base_url = "http://127.0.0.1:9"', text)
    )
    edit = plant.edit
    told = surgery.told("vnpay", plant=Plant(edit=lambda text: edit(text).replace("{base_url}/callbacks/vnpay", "")))
    assert len(told) == 1
    assert told[0].startswith(
        "vnpay redirect: the connector cannot be reached at http://127.0.0.1:9: nobody listens at 127.0.0.1 port 9 ("
    )


# --- TLS -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for portal.example that nobody signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "portal.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("portal.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "portal.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_an_https_address_that_speaks_no_tls_is_named(surgery: Surgery) -> None:
    [told] = surgery.told("vnpay", plant=Plant(edit=replacing('base_url = "http://', 'base_url = "https://')))
    assert re.match(
        r"vnpay redirect: the bank cannot reach callback_url (https://(\S+))/callbacks/vnpay: it says https, and what"
        r" listens there speaks plain HTTP\. Write http://\2, or give it TLS$",
        told,
    )


def test_an_http_address_where_tls_is_spoken_is_named(surgery: Surgery, certificate: Path) -> None:
    edit = replacing('base_url = "https://', 'base_url = "http://')
    [told] = surgery.told("vnpay", plant=Plant(edit=edit, certificate=certificate))
    assert re.match(
        r"vnpay redirect: the bank cannot reach callback_url http://(\S+)/callbacks/vnpay: it says http, and what"
        r" listens there speaks TLS\. Write https://\1$",
        told,
    )


def test_a_connector_that_speaks_tls_where_http_is_written_is_named(surgery: Surgery, certificate: Path) -> None:
    def edit(text: str) -> str:
        return text.replace('base_url = "https://', 'base_url = "http://').replace("{base_url}/callbacks/vnpay", "")

    [told] = surgery.told("vnpay", plant=Plant(edit=edit, certificate=certificate))
    assert re.match(
        r"vnpay redirect: the connector cannot be reached at http://(\S+): it says http, and what listens there speaks"
        r" TLS\. Write https://\1 \(",
        told,
    )


def test_a_certificate_that_nobody_trusts_is_named(surgery: Surgery, certificate: Path) -> None:
    [told] = surgery.told("vnpay", plant=Plant(certificate=certificate))
    assert re.match(
        r"vnpay redirect: the bank cannot reach callback_url https://\S+/callbacks/vnpay: nobody that is trusted here"
        r" signed its certificate\. For tests http will do$",
        told,
    )


def test_a_certificate_for_another_name_is_named(certificate: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client, pytest.raises(OSError, match=r".*"):
            serving.wrap_socket(client, server_side=True).recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    trusting = ssl.create_default_context(cafile=str(certificate))
    with listener, socket.create_connection(listener.getsockname()) as plain:
        with pytest.raises(ssl.SSLCertVerificationError) as error:
            trusting.wrap_socket(plain, server_hostname="other.example")
    thread.join()
    told = why_unreachable("https://other.example/ipn", str(error.value))
    assert told == "its certificate is for another host name than other.example"


@pytest.mark.parametrize(
    ("url", "error", "sentence"),
    [
        ("https://a.vn", "certificate verify failed: certificate has expired", "its certificate has expired"),
        ("https://a.vn", "[Errno -2] Name or service not known", "there is no host a.vn"),
        ("https://a.vn", "connect call failed", "nobody listens at a.vn port 443"),
        ("http://a.vn:8080", "Connection refused", "nobody listens at a.vn port 8080"),
        ("https://a.vn", "no answer within 15 s", "a.vn port 443 does not answer in time"),
        ("https://a.vn", "something new", "something new"),
    ],
)
def test_what_clients_say_is_put_plainly(url: str, error: str, sentence: str) -> None:
    assert why_unreachable(url, error) == sentence


# --- clocks --------------------------------------------------------------------------------------------------

HOUR = 3600


@pytest.mark.parametrize(
    ("offset_s", "what"),
    [
        (-7 * HOUR, "it is 7 hours slow, UTC where Vietnam's time (GMT+7) is wanted"),
        (7 * HOUR, "it is 7 hours fast, Vietnam's time to which 7 hours were added once more"),
        (-12 * HOUR, "it is 12 hours slow, the hour of a 12-hour clock"),
        (-5 * 60, "the connector's clock is 5 minutes slow"),
        (42 * 60, "the connector's clock is 42 minutes fast"),
    ],
)
def test_a_clock_that_is_wrong_is_named(surgery: Surgery, offset_s: int, what: str) -> None:
    [told] = surgery.told("vnpay", plant=Plant(clock_offset_s=offset_s))
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    start = rf"vnpay redirect: the connector's order says {stamp}, and the bank's clock \d\d:\d\d:\d\d in Vietnam: "
    assert re.match(start + re.escape(what), told)


NOW = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)
"""14:30 in Vietnam."""


@pytest.mark.parametrize(
    "message",
    [
        "vnp_CreateDate=20260105143000&vnp_ExpireDate=20260105144500",
        '{"ThoiGianGD":"20260105143010"}',
        '{"createdAt":"2026-01-05T07:30:00.000Z"}',
        '{"createdAt":"2026-01-05 14:30:00"}',
        '{"time":1767598200}',
        '{"time":1767598200000}',
        "date=05%2F01%2F2026+14%3A30%3A00",
        '{"expiredAt":1767599100}',
        "ref=20269999999999&code=HS1",
    ],
)
def test_right_times_in_any_form_and_ends_of_orders_are_left_alone(message: str) -> None:
    assert wrong_time([message], NOW) == ""


def test_a_time_of_another_day_is_no_time_of_this_order() -> None:
    assert wrong_time(["born=20200101000000"], NOW) == ""
    assert list(times_in("born=20200101000000")) == [datetime(2019, 12, 31, 17, tzinfo=UTC)]


# --- amounts, words, paths -----------------------------------------------------------------------------------


def test_an_amount_in_another_unit_than_the_connectors_is_named(surgery: Surgery) -> None:
    plant = Plant(edit=replacing("settle_s = 0\n", "settle_s = 0\nunits_per_dong = 100\n"))
    assert surgery.told("vnpay", plant=plant) == [
        "vnpay redirect: the connector counts in another unit than [connector] units_per_dong says: asked for 50000"
        " dong it asks the bank for 5000000, a hundred times as much, and then says that 50000 were paid"
    ]


def test_an_amount_that_is_told_in_another_unit_is_named(surgery: Surgery) -> None:
    edit = replacing(
        'amount_paid_vnd = "amount_paid_vnd"', "amount_paid_vnd = \"join('', [to_string(amount_paid_vnd), '00'])\""
    )
    assert surgery.told("vnpay", plant=Plant(edit=edit)) == [
        "vnpay redirect: [verbs.status] answer.amount_paid_vnd finds 5000000 where 50000 dong were paid, a hundred"
        " times as much. It must find dong"
    ]


def test_a_fee_that_is_given_in_another_unit_than_it_is_told_in_is_named(surgery: Surgery) -> None:
    plant = Plant(
        edit=lambda text: text.replace('fee_vnd = "{amount_vnd}"', 'fee_vnd = "{amount_vnd}00"').replace(
            'amount_vnd = "{amount_vnd}" }', 'amount_vnd = "{amount_vnd}00" }'
        )
    )
    assert surgery.told("vnpay", plant=plant) == [
        "vnpay redirect: [verbs.open] asked for 50000 dong, and the connector asks the bank for 5000000, a hundred"
        " times as much: the amounts that it is given must be in the unit in which it counts"
    ]


def test_a_status_word_that_is_not_mapped_is_quoted(surgery: Surgery) -> None:
    words = '\n[status.words]\npending = "pending"\nda_nop = "paid"\n'
    [told] = surgery.told("vnpay", plant=Plant(edit=lambda text: text + words))
    assert re.fullmatch(
        r"vnpay redirect: \S+\.toml, \[status\.words\]: the connector calls dossier \S+ 'paid', and the file does not"
        r" say what that means\. Add 'paid' = one of pending, paid, failed, cancelled, partly_refunded, refunded",
        told,
    )


def test_a_path_that_finds_nothing_is_quoted_with_the_answer(surgery: Surgery) -> None:
    [told] = surgery.told(
        "vnpay", plant=Plant(edit=replacing('order_ref = "order_ref"', 'order_ref = "data.orderRef"'))
    )
    assert re.match(
        r"vnpay redirect: \S+\.toml, \[verbs\.open\]: answer\.order_ref should find the number under which the bank"
        r" knows it, but found None with 'data\.orderRef' in '\{",
        told,
    )


def test_a_missing_verb_is_named(surgery: Surgery) -> None:
    [told] = surgery.told("vnpay", plant=Plant(edit=lambda text: text[: text.index("[verbs.status]")]))
    assert re.fullmatch(r"\S+\.toml: \[verbs\.status\] is missing; open and status are always needed", told)
