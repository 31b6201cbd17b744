"""Vietcombank's account advice: the receiver's answer, in the envelope of bill collection."""

import json

from tests.samples.vietcombank import enveloped


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    return enveloped(json.loads(body), {})
