"""BIDV virtual accounts: a merchant registers its account for collection, and what is paid into it is a bill of BIDV's.

Rule: a registration is encrypted with a shared key (JWE) and what was encrypted is signed (JWS in a header); inquiry
and notice are those of BIDV's bill collection.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache, partial
from urllib.parse import parse_qsl

import msgspec
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, RSAKey

from simulator.banks import bidv
from simulator.clock import compact, parse_compact
from simulator.dialect import Ask, Command, Endpoint, Merchants, Reply, assumed
from simulator.payment import Channel, Merchant, Payment, Reason, Refusal
from simulator.qr import QrError, plain, vietqr
from simulator.signing import hmac_sha256_hex, same, sha256_hex
from simulator.wire import Request, Response, json_object, json_response

Fields = Mapping[str, object]

# bidv-va#crypto
KEY_WRAPPING, CONTENT_ENCRYPTION, SIGNING = "A256KW", "A128CBC-HS256", "RS256"
JWE_PARTS = ("encrypted_key", "iv", "ciphertext", "tag")
# bidv-va#headers: case does not matter; one program writes TimeStamp, another Timestamp.
HEADERS = (
    *("channel", "x-client-certificate", "x-api-interaction-id", "x-idempotency-key", "timestamp"),
    "x-customer-ip-address",
)
# bidv-va#messages: what each message holds, all of it texts.
MESSAGES = {
    "createVAQLBH": "serviceId channelId merchantId merchantName accountNo accountName identity mobile merchantType "
    "tranDate",
    "confirmVAQLBH": "serviceId channelId merchantId merchantName confirmId otpNumber",
    "deleteVAQLBH": "serviceId channelId merchantId tranDate",
    "genVietQR": "serviceId code name amount description",
}
MAY_BE_EMPTY = frozenset({"amount", "description", "name", "merchantType"})
# bidv-va#encrypted: the body of these two is plain; what is signed is still their encryption.
PLAIN = frozenset({"confirmVAQLBH", "deleteVAQLBH"})

# bidv-va#codes: which fact the last ones stand for is not told, only that a client tells them apart.
DONE, REGISTERED, WRONG_OTP = "000", "182", "004"
CODES = {
    DONE: "Success",
    REGISTERED: "merchantId is registered already",
    WRONG_OTP: "otpNumber is wrong",
    "005": "otpNumber has expired",
    "061": "confirmation refused",
    **dict.fromkeys(("021", "022", "033", "036", "040"), "registration refused"),
    "001": "a field is missing or wrong",
    "006": "no such serviceId",
}
REFUSALS = {Reason.MALFORMED: "001", Reason.UNKNOWN_MERCHANT: "006", Reason.INVALID_AMOUNT: "001"}

BANK_BIN = "970418"
TEXT_MAX = 200
TOKEN_LIFE_S = 3600


def _token(merchant: Merchant, issued: str) -> str:
    """A bearer token that needs no memory: whose it is, when it was issued, and a proof of both."""
    claims = f"{merchant.merchant_code}|{issued}"
    proof = hmac_sha256_hex(merchant.secrets["client_secret"], f"token|{claims}".encode())
    return base64.urlsafe_b64encode(f"{claims}|{proof}".encode()).decode().rstrip("=")


def decode_token(request: Request, merchants: Merchants) -> Ask:
    """OAuth 2.0, client credentials in the form."""
    try:
        form = dict(parse_qsl(request.body.decode(), max_num_fields=20))
    except ValueError as error:
        raise Refusal(Reason.MALFORMED, str(error)[:TEXT_MAX]) from error
    if form.get("grant_type") != "client_credentials":
        raise Refusal(Reason.UNKNOWN_COMMAND, "grant_type is not client_credentials")
    merchant = merchants(form.get("client_id", ""))
    if merchant is None or not same(form.get("client_secret", ""), merchant.secrets["client_secret"]):
        raise Refusal(Reason.BAD_SIGNATURE, "client_id or client_secret is wrong")
    return Ask(merchant=merchant, wire={"scope": form.get("scope", "")[:TEXT_MAX]})


def encode_token(request: Request, command: Command | None, result: Reply | Refusal) -> Response:
    if isinstance(result, Refusal) or command is None:
        reason = result.reason if isinstance(result, Refusal) else Reason.UNKNOWN
        errors = {
            Reason.BAD_SIGNATURE: (401, "invalid_client"),
            Reason.UNKNOWN_COMMAND: (400, "unsupported_grant_type"),
        }
        status, error = errors.get(reason, (400, "invalid_request"))
        return json_response({"error": error}, status)
    token = {"access_token": _token(command.merchant, compact(result.now)), "token_type": "Bearer"}
    return json_response({**token, "expires_in": TOKEN_LIFE_S, "scope": command.wire["scope"]})


def decode(kind: str, request: Request, merchants: Merchants) -> Ask:
    merchant, issued = _bearer(request, merchants)
    refused = partial(Refusal, merchant=merchant)
    missing = [name for name in HEADERS if not request.headers.get(name)]
    if missing:
        raise refused(Reason.MALFORMED, f"headers {', '.join(missing)} are missing")
    try:
        datetime.fromisoformat(request.headers["timestamp"])
        fields = _opened(kind, request, merchant)
    except (JoseError, ValueError) as error:
        raise refused(Reason.BAD_SIGNATURE, str(error)[:TEXT_MAX]) from error
    names = MESSAGES[kind].split()
    texts = {name: text for name in names if isinstance(text := fields.get(name), str)}
    wrong = [name for name in names if not texts.get(name) and name not in MAY_BE_EMPTY]
    if wrong or any(len(text) > TEXT_MAX or "\x00" in text for text in texts.values()):
        raise refused(Reason.MALFORMED, f"{', '.join(wrong) or 'a field'} is missing, too long or no text")
    if texts["serviceId"] != merchant.merchant_code:
        raise refused(Reason.UNKNOWN_MERCHANT, "another serviceId")
    if texts.get("amount") and not re.fullmatch(r"0|[1-9][0-9]{0,12}", texts["amount"], re.ASCII):
        raise refused(Reason.INVALID_AMOUNT, "amount is no whole number")
    return Ask(merchant=merchant, wire={**texts, "issued": issued})


def _opened(kind: str, request: Request, merchant: Merchant) -> Fields:
    """What was encrypted and signed. Raises JoseError or ValueError."""
    body = json_object(request.body)
    key = _public_key(merchant.secrets["merchant_public_key"])
    signature = request.headers.get("x-jws-signature", "")
    _header_of(signature.partition(".")[0])
    signed = json_object(jws.deserialize_compact(signature, key, algorithms=[SIGNING]).payload)
    if kind not in PLAIN and signed != body:
        raise ValueError("the body is not what X-JWS-Signature signs")
    fields = _decrypted(signed, merchant)
    if kind in PLAIN and fields != body and signed != body:
        raise ValueError("the body is not what was encrypted for X-JWS-Signature")
    return fields


def _decrypted(sealed: Fields, merchant: Merchant) -> Fields:
    """The object in a JWE of one recipient, in JSON. Raises JoseError or ValueError."""
    recipients, protected = sealed.get("recipients"), sealed.get("protected")
    first = recipients[0] if isinstance(recipients, list) and len(recipients) == 1 else None
    parts = {**sealed, "encrypted_key": first.get("encrypted_key") if isinstance(first, dict) else None}
    texts = [protected, *(parts.get(name) for name in JWE_PARTS)]
    if not all(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]+", text) for text in texts):
        raise ValueError("recipients, protected, iv, ciphertext and tag make no JWE")
    header = _header_of(str(protected))
    if (header.get("alg"), header.get("enc")) != (KEY_WRAPPING, CONTENT_ENCRYPTION):
        raise ValueError(f"only {KEY_WRAPPING} with {CONTENT_ENCRYPTION} is understood")
    key = OctKey.import_key(bytes.fromhex(merchant.secrets["encryption_key"]))
    found = jwe.decrypt_compact(".".join(map(str, texts)), key, algorithms=[KEY_WRAPPING, CONTENT_ENCRYPTION])
    return json_object(found.plaintext or b"")


@lru_cache(maxsize=256)
def _public_key(pem: str) -> RSAKey:
    return RSAKey.import_key(pem)


def _header_of(protected: str) -> Fields:
    """Raises ValueError."""
    return json_object(base64.urlsafe_b64decode(protected.encode() + b"=" * (-len(protected) % 4)))


def _bearer(request: Request, merchants: Merchants) -> tuple[Merchant, str]:
    """(whose token it is, when it was issued); its age is judged later. Raises Refusal."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        claims = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError):
        claims = ""
    code, _, rest = claims.partition("|")
    merchant, issued = merchants(code), rest[:14]
    if kind.lower() != "bearer" or merchant is None or not same(token, _token(merchant, issued)):
        raise Refusal(Reason.WRONG_PAYER, "the bearer token is missing, or is nobody's")
    return merchant, issued


def judge(command: Command, payment: Payment | None, now: datetime) -> None:
    issued = command.wire.get("issued")
    if issued and now - parse_compact(issued) >= timedelta(seconds=TOKEN_LIFE_S):
        raise Refusal(Reason.WRONG_PAYER, f"the bearer token of {issued} has expired", merchant=command.merchant)


def encode(
    accepted: Callable[[Command], Response], request: Request, command: Command | None, result: Reply | Refusal
) -> Response:
    if not isinstance(result, Refusal):
        assert command is not None, "only what was understood is replied to"
        return accepted(command)
    if result.reason is Reason.WRONG_PAYER:
        return json_response({"error": "invalid_token"}, 401)
    if result.reason is Reason.BAD_SIGNATURE:
        return json_response({"errorCode": "001", "errorDesc": "the message cannot be read or proved"}, 400)
    return _said(REFUSALS.get(result.reason, "001"))


def _said(code: str, **more: str) -> Response:
    return json_response({"errorCode": code, "errorDesc": CODES[code], **more})


def _created(command: Command) -> Response:
    """A password goes to the mobile that was given, unless the contract has another answer for tests."""
    merchant = command.merchant
    if command.wire["merchantId"] in merchant.options.get("registered", "").split():
        return _said(REGISTERED)
    code = merchant.options.get("registration_answer", DONE)
    return _said(code if code in CODES else DONE)


def _confirmed(command: Command) -> Response:
    if command.wire["otpNumber"] != command.merchant.options.get("otp", "123456"):
        return _said(WRONG_OTP)
    code = command.merchant.options.get("confirmation_answer", DONE)
    if code in CODES and code != DONE:
        return _said(code)
    return _said(DONE, vaNumber=va_number(command.merchant, command.wire["merchantId"]))


def va_number(merchant: Merchant, merchant_id: str) -> str:
    """Looks like V3PHBCDV00001."""
    mark = sha256_hex(f"va|{merchant.merchant_code}|{merchant_id}".encode())[:3].upper()
    return f"V{mark}{re.sub('[^A-Z0-9]', '', merchant_id.upper())[:15]}"


def _deleted(command: Command) -> Response:
    return _said(DONE)


def _drawn(command: Command) -> Response:
    wire = command.wire
    amount_vnd = int(wire.get("amount") or 0) or None
    try:
        code = vietqr(BANK_BIN, wire["code"], amount_vnd, purpose=plain(wire.get("description", "")))
    except QrError:
        return _said("001")
    return _said(DONE, vietQR=code)


ASSUMPTIONS = (
    ("token", "OAuth 2.0 with client_id = serviceId; 3,600 s; any scope", "the form is known, the life is not", ""),
    ("memory", "none: a registration is answered, not kept; confirmId is not compared", "only payments are kept", ""),
    ("registered", "182 for the merchantIds that the contract lists", "a switch for tests", "options.registered"),
    ("registration-answer", "000, or the code of the contract: 021, 022, 033, 036, 040 have no known meaning",
     "a client tells them apart, the texts are not public", "options.registration_answer"),
    ("confirmation-answer", "000, or the code of the contract, 005 and 061 among them", "as above",
     "options.confirmation_answer"),
    ("otp", "123456; another one is 004", "004 and 005 are one to the known client", "options.otp"),
    ("va-number", "V, three letters or digits, merchantId", "one sample", ""),
    ("plain-bodies", "confirm and delete may come plain, signed over their encryption", "the known client does so", ""),
    ("refusals", "001 and 006 as in bill collection; 400 for what cannot be read, 401 for a token", "not told", ""),
    ("certificate", "X-Client-Certificate must be there; the key of the contract proves", "its check is not told", ""),
    ("times", "TimeStamp must be ISO 8601; its age is not judged", "no limit is public", ""),
    ("idempotency", "a repeated X-Idempotency-Key is answered again", "its rule is not public", ""),
    ("collection", "what is paid is asked for and told as in BIDV's bill collection, the VA being the customer_id",
     "so the known client is called", ""),
    ("one-bill", "a payer names the VA; the drawn code is not bound to a payment", "the code holds no bill", ""),
)  # fmt: skip

ANSWERS = {"createVAQLBH": _created, "confirmVAQLBH": _confirmed, "deleteVAQLBH": _deleted, "genVietQR": _drawn}

DIALECT = msgspec.structs.replace(
    bidv.DIALECT,
    code="bidv_va",
    name="BIDV tài khoản định danh (VA)",
    channels=(Channel.QR, Channel.MOBILE, Channel.INTERNET_BANKING),
    endpoints=(
        Endpoint(operation="ask", method="POST", path="/oauth2/token", decode=decode_token, encode=encode_token),
        *(
            Endpoint(
                operation="ask",
                method="POST",
                path=f"/open-banking/paygate/virtualAccount/{kind}/v1",
                decode=partial(decode, kind),
                encode=partial(encode, accepted),
            )
            for kind, accepted in ANSWERS.items()
        ),
    ),
    secrets=("secret", "jwt_secret", "client_secret", "encryption_key", "merchant_public_key"),
    judge=judge,
    sources=("bidv-va", "bidv-vietqr", "rfc-7516"),
    assumptions=assumed("bidv_va", ASSUMPTIONS),
)
