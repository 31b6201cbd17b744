"""Names of the same form as a given one that mean something else: another merchant's, another order's."""

from msgspec.structs import replace

from simulator.payment import Order


def another(name: str) -> str:
    """Its last letter or digit is the next one: "HS0001" -> "HS0002", "9" -> "0"."""
    for at in range(len(name) - 1, -1, -1):
        each = name[at]
        if each.isascii() and each.isalnum():
            after = {"9": "0", "z": "a", "Z": "A"}.get(each) or chr(ord(each) + 1)
            return f"{name[:at]}{after}{name[at + 1 :]}"
    return f"{name}2"


def another_order(order: Order) -> Order:
    """The same order under another number, wherever the number stands in it."""
    ref, new = order.order_ref, another(order.order_ref)
    wire = {name: text.replace(ref, new) if ref else text for name, text in order.wire.items()}
    key = new if order.order_key == ref else order.order_key
    return replace(order, order_ref=new, order_key=key, wire=wire)
