"""A return that its payer has tampered with: it says of a payment what is not so, under the signature of what is.

Rule: pure. Of the bank's file only its return is used, so every bank that sends the browser back has one.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from simulator import form, leaves
from simulator.dialect import Dialect
from simulator.merchants import forged
from simulator.payment import COLLECTED, Merchant, Outcome, Payment, State
from simulator.wire import FORM_TYPE, Outgoing


def way_back(dialect: Dialect, payment: Payment, merchant: Merchant) -> Outgoing:
    """The browser's way back: a GET, or a form that is posted. An empty address = this bank sends it nowhere."""
    url = dialect.return_url(payment, merchant)
    fields = dialect.return_form(payment, merchant) if url else {}
    if not fields:
        return Outgoing("GET", url)
    return Outgoing("POST", url, (("content-type", FORM_TYPE),), form.written(dict(fields)).encode())


def posted(message: Outgoing) -> Mapping[str, str]:
    """The fields of its form; {} = there is none."""
    return form.fields(form.pieces(message.body)) if message.body else {}


def tampered(dialect: Dialect, payment: Payment, merchant: Merchant) -> Outgoing:
    """It says paid, or of a paid one another amount, under the signature of what is true."""
    true = way_back(dialect, payment, merchant)
    wished = way_back(dialect, _wished(payment), merchant)
    if true.method != wished.method:
        return wished
    tree, signed = leaves.read(true), leaves.read(wished)
    others = leaves.read(way_back(dialect, _wished(payment), forged(merchant)))
    for path, value in list(leaves.of(signed)):
        proves = leaves.get(others, path) != value
        if proves and (kept := leaves.get(tree, path)) is not None:
            signed = leaves.put(signed, path, kept)
    return leaves.written(wished, signed)


def _wished(payment: Payment) -> Payment:
    if payment.state in COLLECTED:
        return replace(payment, amount_vnd=payment.amount_vnd + 1)
    settled_at = payment.settled_at or payment.created_at
    return replace(payment, state=State.PAID, outcome=Outcome.SUCCESS, settled_at=settled_at)
