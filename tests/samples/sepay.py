"""SePay: what a connector answers to a webhook."""


def answer(method: str, path: str, body: bytes) -> dict[str, object]:
    return {"success": True}
