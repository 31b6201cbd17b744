"""MB: what a connector answers to the merchant IPN and to the balance synchronisation."""

import json


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    told = json.loads(body)
    if "checkSum" in told:
        return {"resCode": "00", "resDesc": "Success"}
    reference = {"reftransactionid": told["transactionid"]}
    return {"error": False, "errorReason": "000", "toastMessage": "", "object": reference}
