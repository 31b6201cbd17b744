"""Vietcombank bill collection: a biller's answers, signed by code of the tests' own."""

import hashlib
import json

from tests.samples.sample import BILL_AMOUNT_VND

SECRET = "demo-secret"


def enveloped(asked: dict[str, dict[str, str]], payload: dict[str, object]) -> dict[str, object]:
    """A good answer to that message."""
    channel, ref = asked["context"]["channelId"], asked["context"]["channelRefNumber"]
    context = {
        "channelId": channel,
        "channelRefNumber": ref,
        "responseMsgId": "MSG1",
        "status": "SUCCESS",
        "errorCode": 0,
    }
    signature = hashlib.md5(f"{channel}|{ref}|MSG1|{SECRET}".encode(), usedforsecurity=False).hexdigest()
    return {"context": context, "payload": payload, "signature": signature}


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    """To an inquiry: a bill of BILL_AMOUNT_VND; to a payment: 0."""
    asked = json.loads(body)
    payload = asked["payload"]
    if "bills" in payload:
        bills = [{**bill, "billErrCode": "0", "billErrDesc": ""} for bill in payload["bills"]]
        return enveloped(asked, {"providerId": payload["providerId"], "serviceId": "BILLC2", "bills": bills})
    name = {"fieldId": "CustomerName", "fieldValue": "NGUYEN VAN A"}
    bill = {"billId": "B1", "amount": str(BILL_AMOUNT_VND), "addnlFields": [name]}
    return enveloped(asked, {"customerCode": payload["customerCode"], "paymentSequence": 1, "bills": [bill]})
