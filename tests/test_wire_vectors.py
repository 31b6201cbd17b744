"""Every known answer in fixtures/wire, by its source: what the simulator computes for it is what is written there.

A file without a rule here fails, so that no known answer lies about unused; the banks' own tests say what follows.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest

from simulator import form, qr
from simulator.banks import (
    bidv,
    bidv_va,
    dialects,
    dvcqg,
    etax,
    keypay,
    keypay3,
    mb,
    momo,
    napas,
    onepay,
    payos,
    sepay,
    sepay_gateway,
    vietcombank,
    vietcombank_wallet,
    vietinbank,
    vietinbank_dn,
    vietinbank_wallet,
    vietqr_vn,
    viettelpay,
    vnpay,
    vnpayqr,
    vtcpay,
    zalopay,
)
from simulator.dialect import Command, Create, RefundOrder
from simulator.dialect import Query as StatusQuery
from simulator.merchants import default_merchants
from simulator.payment import Channel, Merchant, Order, Payment
from simulator.signing import hmac_sha256_hex, hmac_sha512_hex, rsa_sha1_sign, rsa_sha256_sign
from simulator.wire import Request
from tests.samples import bidv_va as va_sample
from tests.sources import SOURCES
from tests.worlds import START

WIRE = Path(__file__).parents[1] / "fixtures/wire"
MERCHANTS = {each.bank: each for each in default_merchants()}

Vector = dict[str, Any]
Computed = tuple[object, object]
"""What the simulator computes, and what it must be."""


def all_vectors() -> Iterator[tuple[str, Vector]]:
    for path in sorted(WIRE.glob("*/*.json")):
        for vector in json.loads(path.read_text(encoding="utf-8")):
            yield f"{path.parent.name}/{path.stem}", vector


VECTORS = list(all_vectors())


def merchant(bank: str, vector: Vector, **options: str) -> Merchant:
    """The bank's test merchant with the vector's secret."""
    of_bank = MERCHANTS[bank]
    secrets = {**of_bank.secrets, "secret": vector["secret"]} if "secret" in vector else of_bank.secrets
    return msgspec.structs.replace(of_bank, secrets=secrets, options={**of_bank.options, **options})


def pairs_of(text: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in text.split("&"))


def named(names: str, text: str, between: str = "|") -> dict[str, str]:
    """The signed values under the names in which the simulator signs."""
    return dict(zip(names.replace("+", " ").replace("|", " ").split(), text.split(between), strict=True))


def decoded(bank: str, method: str, path: str, to: Merchant, query: bytes = b"", body: bytes = b"") -> Command:
    """Raises Refusal where the simulator does not find the signature right."""
    (endpoint,) = (each for each in dialects()[bank].endpoints if (each.method, each.path) == (method, path))
    request = Request(method, path, query=query, body=body)
    return endpoint.decode(request, lambda code: msgspec.structs.replace(to, merchant_code=code))


# --- one rule a file ---------------------------------------------------------------------------------------------


def of_bidv(vector: Vector) -> Computed:
    fields = vector["fields"]
    if vector["message"] == "getbill":
        return bidv.getbill_checksum(vector["secret"], fields["service_id"], fields["customer_id"]), vector["signature"]
    to = merchant("bidv", vector, checksum=vector["checksum"])
    told = [fields[name] for name in ("trans_id", "bill_id", "amount")]
    return bidv.paybill_checksum(to, *told), vector["signature"]


def of_bidv_va(vector: Vector) -> Computed:
    headers = {**va_sample.headers(START), "x-jws-signature": vector["jws"]}
    body = json.dumps(vector["jwe"]).encode()
    request = Request("POST", va_sample.PATHS["createVAQLBH"], headers=headers, body=body)
    command = bidv_va.decode("createVAQLBH", request, lambda code: MERCHANTS["bidv_va"])
    return {name: command.wire[name] for name in vector["fields"]}, vector["fields"]


def of_dvcqg(vector: Vector) -> Computed:
    signed = {"init": dvcqg.INIT_SIGNED, "confirm": dvcqg.CONFIRM_SIGNED}.get(vector["message"], dvcqg.ASKED_SIGNED)
    return dvcqg.authentication_code(vector["fields"], signed, vector["secret"]), vector["signature"]


def of_etax(vector: Vector) -> Computed:
    return etax.receipt_code(*vector["fields"].values(), vector["secret"]), vector["signature"]


def of_keypay(vector: Vector) -> Computed:
    to = merchant("keypay", vector, hash="md5")
    if vector["message"] in ("request", "return"):
        return keypay.sorted_hash(vector["fields"], to), vector["signature"]
    if vector["message"] == "shifted":
        (rest,) = (each["fields"] for _, each in VECTORS if each["key"] == "K2" and each.get("message") == "return")
        hashes = {keypay.sorted_hash({**rest, **vector[which]}, to) for which in ("fields", "other")}
        return hashes, {vector["signature"]}
    return keypay.listed_hash(vector["fields"].values(), to), vector["signature"]


def of_keypay3(vector: Vector) -> Computed:
    signed = keypay3.DETAIL_SIGNED if vector["message"] == "detail" else keypay3.PAY_SIGNED
    fields = named(signed, vector["string_to_sign"])
    return keypay3.check_sum(fields, signed, vector["secret"]), vector["signature"]


def of_mb(vector: Vector) -> Computed:
    values = vector["fields"].values()
    if vector["message"] == "mms":
        return mb.mms_checksum(*values, vector["access_key"]), vector["signature"]
    return mb.refund_checksum(vector["refund_secret"], *values), vector["signature"]


def of_momo(vector: Vector) -> Computed:
    text = momo.raw_string(vector["message"], pairs_of(vector["string_to_sign"]))
    return (text, hmac_sha256_hex(vector["secret"], text.encode())), (vector["string_to_sign"], vector["signature"])


def of_napas(vector: Vector) -> Computed:
    to = msgspec.structs.replace(
        MERCHANTS["napas"], secrets={"client_secret": vector["secret"]}, options={"checksum": vector["case"]}
    )
    return napas.checksum(vector["data"], to), vector["checksum"]


def of_onepay(vector: Vector) -> Computed:
    text = onepay.signed_text(pairs_of(vector["string_to_sign"]))
    return (text, onepay.secure_hash(vector["secret"], text)), (vector["string_to_sign"], vector["signature"])


def of_payos(vector: Vector) -> Computed:
    return payos.signature(vector["fields"], vector["checksum_key"]), vector["signature"]


def of_qr(vector: Vector) -> Computed:
    """A right code is read and written again; a wrong one is refused for the reason that the vector names."""
    try:
        read = qr.parse(vector["text"])
    except qr.QrError as error:
        return (error.reason, error.where), (vector["refused"], vector["where"])
    if "warns" in vector:
        return (read.purpose, bool(read.warnings)), (vector["purpose"], True)
    return (qr.encode(read), "refused" in vector), (vector["text"], False)


def of_sepay(vector: Vector) -> Computed:
    body = vector["body"].encode()
    return sepay.signature(vector["webhook_secret"], vector["timestamp"], body), vector["header"]


def of_sepay_gateway(vector: Vector) -> Computed:
    return sepay_gateway.signature(vector["fields"], vector["secret_key"]), vector["signature"]


def of_vietcombank(vector: Vector) -> Computed:
    *values, _ = vector["string_to_sign"].split("|")
    to = merchant("vietcombank", vector, signature=vector["digest"])
    return vietcombank.signature(to, *values), vector["signature"]


def of_vietcombank_keys(vector: Vector) -> Computed:
    given = (vector["pass_phrase"], vector["salt"], vector["hash"], vector["iterations"])
    return vietcombank_wallet.derived_key(*given).hex(), vector["derived"]


def of_vietcombank_remarks(vector: Vector) -> Computed:
    sender, receiver = vector["sender"], vector["receiver"]
    to = msgspec.structs.replace(
        MERCHANTS["vietcombank_advice"],
        options={"account": receiver["number"], "account_name": receiver["name"], "remark": "broken"},
    )
    wire = {"payer_name": sender["name"]}
    order = Order(order_ref=vector["content"], order_key=vector["key"], amount_vnd=1, wire=wire)
    payment = Payment(
        payment_id="p1",
        bank="vietcombank_advice",
        merchant_code=to.merchant_code,
        order=order,
        amount_vnd=1,
        bank_ref=vector["bank_ref"],
        created_at=START,
        channel=Channel(vector["channel"]),
        payer_account=sender["number"],
    )
    return vietcombank.remark(payment, to), vector["remark"]


def sealed(vector: Vector, text: str, to: Merchant, digest: str) -> Computed:
    """PKCS#1 v1.5 draws no chance: the same key over the same text is the same signature."""
    sign = {"sha1": rsa_sha1_sign, "sha256": rsa_sha256_sign}[digest]
    key = {"vietinbank": "bank", "biller": "biller"}.get(vector["signed_by"], vector["signed_by"])
    found = sign(to.secrets[f"{key}_private_key"], text.encode())
    return (text, found), (vector["string_to_sign"], vector["signature"])


def of_vietinbank(vector: Vector) -> Computed:
    kind = vietinbank.FLAT if vector["key"].startswith("F") else vietinbank.RECORDS
    signed = {name: getattr(kind, name) for name in ("inquiry", "bill", "notice", "acknowledgement")}[vector["message"]]
    fields = {"errorCode": "00", "status.code": "00", **vector["fields"]}
    text = vietinbank.string_to_sign(fields, signed)
    return sealed(vector, text, MERCHANTS["vietinbank"], "sha256")


def of_vietinbank_dn(vector: Vector) -> Computed:
    signed = {
        "create": vietinbank_dn.CREATE_SIGNED,
        "query": vietinbank_dn.QUERY_SIGNED,
        "refund": vietinbank_dn.REFUND_SIGNED,
    }.get(vector["message"], "+".join(vector["fields"]))
    text = vietinbank_dn.string_to_sign(vector["fields"], signed).decode()
    return sealed(vector, text, MERCHANTS["vietinbank_dn"], vector["digest"])


def of_vietinbank_wallet(vector: Vector) -> Computed:
    kinds = vietinbank_wallet.MESSAGES
    signed = kinds[vector["message"]].signed if vector["message"] in kinds else vietinbank_wallet.ANSWER_SIGNED
    joined_null = "null" in vector["string_to_sign"]
    to = merchant("vietinbank_wallet", vector, absent="null" if joined_null else "empty", digest=vector["digest"])
    text = vietinbank_wallet.string_to_sign(vector["fields"], signed, to).decode()
    return sealed(vector, text, to, vector["digest"])


def of_vietqr_vn(vector: Vector) -> Computed:
    return vietqr_vn.sign(*vector["fields"].values(), vector["secret_key"]), vector["sign"]


def of_viettelpay(vector: Vector) -> Computed:
    secrets = {"access_code": vector["access_code"], "hash_key": vector["hash_key"]}
    found = [
        viettelpay.check_sum(
            vector["fields"],
            viettelpay.CHECK_SIGNED,
            msgspec.structs.replace(MERCHANTS["viettelpay"], secrets=secrets, options={"check_sum": encoding}),
        )
        for encoding in ("hex", "base64")
    ]
    return found, [vector["hex"], vector["base64"]]


def of_vnpay(vector: Vector) -> Computed:
    text, signature, to = vector["string_to_sign"], vector["signature"], merchant("vnpay", vector)
    if vector["message"] == "pay":
        query = f"{text}&vnp_SecureHash={signature}".encode()
        command = decoded("vnpay", "GET", "/paymentv2/vpcpay.html", to, query=query)
        doubts = [each for each in command.warnings if "signature" in each or "Hash" in each]
        return (type(command), doubts), (Create, [])
    if vector["message"] == "result":
        written = form.written(dict(parse_qsl(text)))
        return (written, hmac_sha512_hex(vector["secret"], written.encode())), (text, signature)
    if vector["message"].endswith("_reply"):
        with_promotion = vector["message"] == "querydr_reply"
        names = vnpay.SIGNED_REPLY + (vnpay.PROMOTION if with_promotion else ())
        reply = named(" ".join(names), text)
        return json.loads(vnpay.signed_reply(reply, to).body)["vnp_SecureHash"], signature
    fields = named(" ".join(vnpay.SIGNED[vector["message"]]), text)
    body = json.dumps({**fields, "vnp_SecureHash": signature}).encode()
    command = decoded("vnpay", "POST", "/merchant_webapi/api/transaction", to, body=body)
    return type(command), {"querydr": StatusQuery, "refund": RefundOrder}[vector["message"]]


def of_vnpayqr(vector: Vector) -> Computed:
    signed = {
        "create": vnpayqr.CREATE_SIGNED,
        "callback": vnpayqr.CALLBACK_SIGNED,
        "check": vnpayqr.CHECK_SIGNED,
    }[vector["message"]]
    found = vnpayqr.checksum(vector["fields"], signed, vector["secret"])
    return found if vector["message"] == "check" else found.upper(), vector["signature"]


def of_vtcpay(vector: Vector) -> Computed:
    """The request's digits are lower case in its source, the result's upper case: each is taken as it comes."""
    found = vtcpay.signature(vector["fields"].values(), merchant("vtcpay", vector))
    return found.lower() if vector["message"] == "request" else found, vector["signature"]


def of_zalopay(vector: Vector) -> Computed:
    kind, text = vector["message"], vector["string_to_sign"]
    if kind in zalopay.SIGNED:
        return zalopay.mac(kind, named(zalopay.SIGNED[kind], text), vector["secret"]), vector["signature"]
    return hmac_sha256_hex(vector["secret"], text.encode()), vector["signature"]


RULES: dict[str, Callable[[Vector], Computed]] = {
    "bidv/messages": of_bidv,
    "bidv/va": of_bidv_va,
    "dvcqg/messages": of_dvcqg,
    "etax/receipt": of_etax,
    "keypay/v1": of_keypay,
    "keypay/v3": of_keypay3,
    "mb/messages": of_mb,
    "momo/signatures": of_momo,
    "napas/checksums": of_napas,
    "onepay/signatures": of_onepay,
    "payos/signatures": of_payos,
    "qr/vectors": of_qr,
    "sepay/signatures": of_sepay,
    "sepay_gateway/signatures": of_sepay_gateway,
    "vietcombank/keys": of_vietcombank_keys,
    "vietcombank/remarks": of_vietcombank_remarks,
    "vietcombank/signatures": of_vietcombank,
    "vietinbank/flat": of_vietinbank,
    "vietinbank/records": of_vietinbank,
    "vietinbank_dn/messages": of_vietinbank_dn,
    "vietinbank_wallet/messages": of_vietinbank_wallet,
    "vietqr_vn/signatures": of_vietqr_vn,
    "viettelpay/check_sums": of_viettelpay,
    "vnpay/signatures": of_vnpay,
    "vnpayqr/checksums": of_vnpayqr,
    "vtcpay/messages": of_vtcpay,
    "zalopay/signatures": of_zalopay,
}


@pytest.mark.parametrize(
    ("file", "vector"), VECTORS, ids=[f"{file}-{vector['key']}-{vector['source']}" for file, vector in VECTORS]
)
def test_the_simulator_computes_the_known_answer(file: str, vector: Vector) -> None:
    computed, known = RULES[file](vector)
    assert computed == known


@pytest.mark.parametrize(("file", "vector"), VECTORS, ids=[f"{file}-{vector['key']}" for file, vector in VECTORS])
def test_a_known_answer_names_its_source_and_what_it_is(file: str, vector: Vector) -> None:
    assert vector["source"] in SOURCES
    assert vector["what"]


def test_every_file_has_known_answers_and_a_rule_and_no_key_stands_twice() -> None:
    assert (
        {file for file, _ in VECTORS}
        == set(RULES)
        == {f"{path.parent.name}/{path.stem}" for path in WIRE.glob("*/*.json")}
    )
    keys = [(file, vector["key"]) for file, vector in VECTORS]
    assert len(keys) == len(set(keys))


def test_every_published_code_and_every_trap_is_among_them() -> None:
    """vietqr-2021, napas-qr-1-5-2, vietqr-encoders, qr-computed: sixteen codes, five of ours, eight traps."""
    keys = {vector["key"]: vector for file, vector in VECTORS if file == "qr/vectors"}
    right = [*(f"T{number}" for number in range(1, 17)), *(f"E{number}" for number in range(1, 6))]
    assert all("builds" in keys[key] for key in right)
    traps = {key: keys[key].get("refused", "") for key in (f"X{number}" for number in range(1, 9))}
    assert traps == {
        "X1": "bad_length",
        "X2": "bad_crc",
        "X3": "repeated_object",
        "X4": "zero_amount",
        "X5": "bad_length",
        "X6": "bad_length",
        "X7": "too_long",
        "X8": "",  # Diacritics: read with a warning, never written.
    }
