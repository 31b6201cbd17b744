"""VietinBank bill collection: a biller's answers, signed by code of the tests' own."""

import base64
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.merchants import default_merchants
from tests.samples.sample import BILL_AMOUNT_VND


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    """To an inquiry: a bill of BILL_AMOUNT_VND; to a notice: 00. Signed by the biller."""
    asked = json.loads(body)
    if "amount" in asked:
        said = {"transId": asked["transId"], "errorCode": "00", "errorDesc": "OK"}
        signed = ("transId", "errorCode", "errorDesc")
    else:
        said = {
            **{name: asked[name] for name in ("transId", "channelId", "transTime", "transType", "custCode")},
            "custName": "NGUYEN VAN A",
            "billId": "B1",
            "billTerm": "112026",
            "amount": str(BILL_AMOUNT_VND),
            "errorCode": "00",
        }
        signed = tuple(said)
    (merchant,) = (each for each in default_merchants() if each.bank == "vietinbank")
    text = "".join(said[name] for name in signed)
    key = serialization.load_pem_private_key(merchant.secrets["biller_private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return {**said, "providerId": asked["providerId"], "signature": signature}
