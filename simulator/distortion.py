"""What can be wrong with one callback itself: its signature, or what it tells under a right one.

Rule: pure. Of the bank's file only its callback is used, so every bank has every distortion that its messages allow;
one that they do not allow is refused with the reason, and never becomes the true message.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from itertools import pairwise, permutations

from msgspec.structs import replace

from simulator import leaves
from simulator.another import another, another_order
from simulator.banks import dialects
from simulator.dialect import Dialect, Notice, Part
from simulator.leaves import Path
from simulator.merchants import default_merchants, forged
from simulator.payment import Order, Outcome, Payment, State
from simulator.signing import by_another_algorithm
from simulator.wire import Outgoing


class Distortion(StrEnum):
    """The first ones spoil the signature of what is true; the last six tell something else, rightly signed."""

    EMPTY_SIGNATURE = "empty_signature"
    MISSING_SIGNATURE = "missing_signature"
    TRUNCATED_SIGNATURE = "truncated_signature"
    OTHER_CASE_SIGNATURE = "other_case_signature"
    FORGED_SIGNATURE = "forged_signature"
    """By another key."""
    OTHER_ALGORITHM = "other_algorithm"
    SHIFTED_FIELDS = "shifted_fields"
    """Text moved over the boundary of two fields, under the signature of the true message."""
    WRONG_MERCHANT = "wrong_merchant"
    WRONG_ORDER = "wrong_order"
    WRONG_CURRENCY = "wrong_currency"
    CONTRADICTING_STATUS = "contradicting_status"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_OPTIONAL = "missing_optional"


PARTS = {
    Distortion.WRONG_MERCHANT: Part.MERCHANT,
    Distortion.WRONG_ORDER: Part.ORDER,
    Distortion.WRONG_CURRENCY: Part.CURRENCY,
    Distortion.CONTRADICTING_STATUS: Part.SECOND_STATUS,
    Distortion.UNKNOWN_FIELD: Part.UNKNOWN,
    Distortion.MISSING_OPTIONAL: Part.OPTIONAL,
}
"""What is told otherwise, under a right signature."""

HARMLESS = frozenset({Distortion.UNKNOWN_FIELD, Distortion.MISSING_OPTIONAL})
"""What a sound connector takes like the usual message."""

_LACKS = {
    Part.MERCHANT: "names no merchant and no account",
    Part.ORDER: "names no order",
    Part.CURRENCY: "names no currency",
    Part.SECOND_STATUS: "has one field alone that says how the payment stands",
    Part.UNKNOWN: "has no room for other fields",
    Part.OPTIONAL: "has no field that may be left out",
}


class Spared(Exception):
    """This message cannot be distorted like that; the text says why."""


def distorted(dialect: Dialect, notice: Notice, distortion: Distortion) -> Outgoing:
    """The callback of that notice with one thing wrong. The same notice gives the same bytes. Raises Spared."""
    true = dialect.callback(notice)
    part = PARTS.get(distortion)
    false = _told_otherwise(dialect, notice, part) if part else _SPOILED[distortion](dialect, notice, true)
    if false == true:
        lacks = _LACKS[part] if part else "would be the true one"
        raise Spared(f"a callback of {dialect.code} {lacks}, as this merchant and this payment have it")
    return false


@cache
def spared(bank: str, distortion: Distortion) -> str:
    """Why no callback of this bank can be distorted like that, "" if one can: tried out with its test merchant."""
    dialect = dialects()[bank]
    merchant = next((each for each in default_merchants() if each.bank == dialect.code), None)
    if merchant is None:
        return f"{dialect.code} has no test merchant to try it with"
    merchant = replace(merchant, callback_url=merchant.callback_url or "http://127.0.0.1/callback")
    reasons = []
    for message in dialect.messages:
        notice = Notice(
            payment=_specimen(dialect, merchant.merchant_code), merchant=merchant, now=_THEN, message=message
        )
        try:
            distorted(dialect, notice, distortion)
        except Spared as reason:
            reasons.append(str(reason))
        else:
            return ""
    part = PARTS.get(distortion)
    if part in dialect.parts:
        return ""  # It hangs on the payment: not each has all that may be left out.
    return f"a callback of {dialect.code} {_LACKS[part]}" if part else reasons[0]


def unfit(bank: str, kind: str) -> str:
    """Why a fault of that kind cannot strike this bank's callbacks, "" if it can."""
    if kind == "callback_against_query" and not dialects()[bank].tells_failures:
        return f"a callback of {bank} only ever says that money came"
    return spared(bank, Distortion(kind)) if kind in _KINDS else ""


_KINDS = frozenset(each.value for each in Distortion)
_THEN = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)


def _specimen(dialect: Dialect, merchant_code: str) -> Payment:
    order = Order(order_ref="1000001", order_key="1000001", amount_vnd=20_000, description="Nop le phi 1000001")
    return Payment(
        payment_id="5" * 32,
        bank=dialect.code,
        merchant_code=merchant_code,
        order=order,
        amount_vnd=order.amount_vnd,
        bank_ref="14226112",
        created_at=_THEN,
        settled_at=_THEN,
        state=State.PAID,
        outcome=Outcome.SUCCESS,
        channel=dialect.channels[-1],
    )


# --- right signature, wrong thing --------------------------------------------------------------------------------


def _told_otherwise(dialect: Dialect, notice: Notice, part: Part) -> Outgoing:
    """The dialect itself writes and signs it."""
    if part not in dialect.parts:
        raise Spared(f"a callback of {dialect.code} {_LACKS[part]}")
    payment, merchant = notice.payment, notice.merchant
    if part is Part.MERCHANT:
        code = another(merchant.merchant_code)
        payment, merchant = replace(payment, merchant_code=code), replace(merchant, merchant_code=code)
    if part is Part.ORDER:
        payment = replace(payment, order=another_order(payment.order))
    return dialect.callback(replace(notice, payment=payment, merchant=merchant, odd=part))


# --- wrong signature ---------------------------------------------------------------------------------------------


def _by_an_impostor(dialect: Dialect, notice: Notice, true: Outgoing) -> Outgoing:
    """What somebody sends who knows all but the secrets, and no token that a connector has given out."""
    return dialect.callback(
        replace(notice, merchant=forged(notice.merchant), token=f"forged-{notice.token[::-1]}" if notice.token else "")
    )


def signature_place(true: leaves.Tree, false: leaves.Tree) -> Path | None:
    """Where two trees differ that were made alike with other secrets: the last place in the body or the address.

    A header is the place only where nothing else is signed. None = nothing proves who made the message.
    """
    told, other = dict(leaves.of(true)), dict(leaves.of(false))
    differ = [path for path, text in told.items() if other.get(path) != text]
    inside = [path for path in differ if path[0] != leaves.HEADERS]
    return inside[-1] if inside else differ[-1] if differ else None


def _signed_at(dialect: Dialect, notice: Notice, true: Outgoing) -> tuple[leaves.Tree, Path]:
    tree = leaves.read(true)
    place = signature_place(tree, leaves.read(_by_an_impostor(dialect, notice, true)))
    if place is None:
        raise Spared(f"no signature and no secret proves a callback of {dialect.code}, as this merchant has it")
    return tree, place


def _with(change: Callable[[str], str | None]) -> Callable[[Dialect, Notice, Outgoing], Outgoing]:
    """The message with its signature changed, None = left out."""

    def spoiled(dialect: Dialect, notice: Notice, true: Outgoing) -> Outgoing:
        tree, place = _signed_at(dialect, notice, true)
        return leaves.written(true, leaves.put(tree, place, change(str(leaves.get(tree, place)))))

    return spoiled


def _halved(signature: str) -> str:
    return signature[: len(signature) // 2]


def _other_case(signature: str) -> str:
    """Of the proof alone: "sha256=" and "Bearer " stay."""
    at = max(signature.find(" "), signature.find("=") if not signature.endswith("=") else -1) + 1
    return signature[:at] + signature[at:].swapcase()


def _by_another_algorithm(dialect: Dialect, notice: Notice, true: Outgoing) -> Outgoing:
    tree, place = _signed_at(dialect, notice, true)
    with by_another_algorithm():
        otherwise = leaves.get(leaves.read(dialect.callback(notice)), place)
    if otherwise == leaves.get(tree, place):
        raise Spared(f"a callback of {dialect.code} is proved by a secret as it is, without an algorithm")
    return leaves.written(true, leaves.put(tree, place, otherwise))


def _shifted(dialect: Dialect, notice: Notice, true: Outgoing) -> Outgoing:
    """Where values are signed without anything between them, the old signature stays valid; else it does not."""
    tree, place = _signed_at(dialect, notice, true)
    if place[0] == leaves.HEADERS and leaves.get(tree, place) == leaves.get(_unlike(dialect, notice), place):
        raise Spared(f"what proves a callback of {dialect.code} hangs on none of its fields")

    def signed(changed: Notice) -> object:
        return leaves.get(leaves.read(dialect.callback(changed)), place)

    signature = leaves.get(tree, place)
    covered = [name for name, changed in _shortened(notice) if signed(changed) != signature]
    for shifted in _shifts(notice, covered):
        message = dialect.callback(shifted)
        moved = leaves.read(message)
        if leaves.get(moved, place) == signature and _has_moved(tree, moved):
            return message
    return _over_a_boundary(dialect, covered, notice, true, tree, place)


def _has_moved(before: leaves.Tree, after: leaves.Tree) -> bool:
    """Whether one value grew while another shrank: not all that a notice tells stands in each message."""
    longer = {len(str(now)) - len(str(leaves.get(before, path))) for path, now in leaves.of(after)}
    return min(longer, default=0) < 0 < max(longer, default=0)


def _unlike(dialect: Dialect, notice: Notice) -> leaves.Tree:
    """The message of another amount and another order."""
    payment = replace(notice.payment, amount_vnd=notice.payment.amount_vnd + 1)
    return leaves.read(dialect.callback(replace(notice, payment=replace(payment, order=another_order(payment.order)))))


def _values(notice: Notice) -> dict[str, str]:
    """What a message may tell, the sum of money first."""
    payment, order = notice.payment, notice.payment.order
    return {
        "amount_vnd": str(payment.amount_vnd),
        "bank_ref": payment.bank_ref,
        "order_ref": order.order_ref,
        "order_key": order.order_key,
        "description": order.description,
    }


def _shortened(notice: Notice) -> Iterator[tuple[str, Notice]]:
    """Each value's name, and the notice with that value alone cut by a character."""
    values = _values(notice)
    for name, text in values.items():
        if len(text) > 1:
            yield name, _moved(notice, values | {name: text[:-1]})


def _shifts(notice: Notice, covered: list[str]) -> Iterator[Notice]:
    """The notice with the last character of one signed value before another value."""
    values = _values(notice)
    for giver, taker in permutations(covered, 2):
        given, taken = values[giver], values[taker]
        moved = values | {giver: given[:-1], taker: given[-1] + taken}
        if (given[-1].isdigit() or not taken.isdigit()) and moved["amount_vnd"][0] != "0":
            yield _moved(notice, moved)


def _moved(notice: Notice, values: Mapping[str, str]) -> Notice:
    names = ("order_ref", "order_key", "description")
    order = replace(notice.payment.order, **{name: values[name] for name in names})
    amount_vnd, bank_ref = int(values["amount_vnd"]), values["bank_ref"]
    return replace(notice, payment=replace(notice.payment, order=order, amount_vnd=amount_vnd, bank_ref=bank_ref))


def _over_a_boundary(
    dialect: Dialect, covered: list[str], notice: Notice, true: Outgoing, tree: leaves.Tree, place: Path
) -> Outgoing:
    """Two neighbours on the wire: one becomes part of the other, or gives it its last character."""
    places = [(path, text) for path, text in leaves.of(tree) if path[0] != leaves.HEADERS and path != place]
    pairs = [
        (giver, taker)
        for giver, taker in pairwise(places)
        if giver[0][:-1] == taker[0][:-1] and _gives(giver[1], taker[1])
    ]
    values = _values(notice)
    unhurtful = [values[name] for name in ("description", "bank_ref", "order_ref") if name in covered]
    chosen = min(pairs, key=lambda pair: unhurtful.index(pair[0][1]) if pair[0][1] in unhurtful else 3, default=None)
    if chosen is None:
        raise Spared(f"a callback of {dialect.code} has no two fields side by side")
    (giver, given), (taker, taken) = chosen
    if leaves.in_pairs(tree, giver):
        tree = leaves.put(tree, giver, f"{given}&{taker[-1]}={taken}")
        return leaves.written(true, leaves.put(tree, taker, None))
    tree = leaves.put(tree, giver, type(given)(str(given)[:-1]))
    return leaves.written(true, leaves.put(tree, taker, type(taken)(f"{str(given)[-1]}{taken}")))


def _gives(given: object, taken: object) -> bool:
    """Whether the last character of a text or number can be the first of another."""
    if isinstance(given, bool) or isinstance(taken, bool):
        return False
    fits = isinstance(taken, str) or (isinstance(taken, int) and str(given)[-1:] in tuple("123456789"))
    return isinstance(given, str | int) and len(str(given)) > 1 and fits


_SPOILED: dict[Distortion, Callable[[Dialect, Notice, Outgoing], Outgoing]] = {
    Distortion.EMPTY_SIGNATURE: _with(lambda signature: ""),
    Distortion.MISSING_SIGNATURE: _with(lambda signature: None),
    Distortion.TRUNCATED_SIGNATURE: _with(_halved),
    Distortion.OTHER_CASE_SIGNATURE: _with(_other_case),
    Distortion.FORGED_SIGNATURE: _by_an_impostor,
    Distortion.OTHER_ALGORITHM: _by_another_algorithm,
    Distortion.SHIFTED_FIELDS: _shifted,
}
