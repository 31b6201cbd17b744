"""How values become rows and come back: a MessagePack document beside the few columns that are searched by."""

import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec

from simulator.faults import Fault
from simulator.letter import Letter
from simulator.maintenance import Window
from simulator.outbox import Delivery, DeliveryState, Retry
from simulator.payment import Merchant, Payment, State
from simulator.purse import Purse
from simulator.settlement.day import moments_of
from simulator.store import CallbackTimes, Claimed, Entry, Exchange, Figures, Sandbox, Totals
from simulator.store.decisions import ANSWERED, FAULTS, RETRIES, TOLD
from simulator.store.removing import REMOVED_EXCHANGES, REMOVED_LETTERS, REMOVED_PAYMENTS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What of a sandbox is not read by every transaction."""

    seed: str
    merchants: tuple[Merchant, ...]
    retries: dict[str, Retry]
    maintenance: Window | None = None
    faults_by_amount: bool = False


class _State(msgspec.Struct, frozen=True):
    """Nothing else of a payment is decoded."""

    state: State = State.PENDING


class _Happened(msgspec.Struct, frozen=True):
    """When, and nothing else, of an exchange or a letter."""

    at: datetime


document = msgspec.msgpack.Encoder().encode
payment = msgspec.msgpack.Decoder(Payment).decode
entry = msgspec.msgpack.Decoder(Entry).decode
exchange = msgspec.msgpack.Decoder(Exchange).decode
letter = msgspec.msgpack.Decoder(Letter).decode
purse = msgspec.msgpack.Decoder(Purse).decode
faults = msgspec.msgpack.Decoder(tuple[Fault, ...]).decode
_delivery = msgspec.msgpack.Decoder(Delivery).decode
_happened = msgspec.msgpack.Decoder(_Happened).decode
_state = msgspec.msgpack.Decoder(_State).decode
_settings = msgspec.msgpack.Decoder(_Settings).decode

NO_FAULTS = document(())

NO_PURSE = b""
"""The row of an account that has paid nothing: it is there to be locked."""


def micros(instant: datetime) -> int:
    """Microseconds since 1970, exactly."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def micros_or_none(instant: datetime | None) -> int | None:
    return None if instant is None else micros(instant)


def instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def instant_or_none(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else instant(microseconds)


def happened_at(content: bytes) -> datetime:
    """Of an exchange or a letter."""
    return _happened(content).at


def state(content: bytes) -> State:
    """Of a payment."""
    return _state(content).state


def settings(sandbox: Sandbox) -> bytes:
    return document(
        _Settings(
            seed=sandbox.seed,
            merchants=sandbox.merchants,
            retries=sandbox.retries,
            maintenance=sandbox.maintenance,
            faults_by_amount=sandbox.faults_by_amount,
        )
    )


def sandbox(name: str, clock_at: int | None, planned: bytes, settings: bytes, version: str) -> Sandbox:
    kept = _settings(settings)
    return Sandbox(
        name=name,
        seed=kept.seed,
        clock_at=instant_or_none(clock_at),
        merchants=kept.merchants,
        faults=faults(planned),
        retries=kept.retries,
        maintenance=kept.maintenance,
        faults_by_amount=kept.faults_by_amount,
        version=version,
    )


def new_sandbox(sandbox: Sandbox) -> tuple[str, int | None, bytes, bytes, str]:
    """Its columns: name, clock_at, faults, settings and a new version."""
    return (
        sandbox.name,
        micros_or_none(sandbox.clock_at),
        document(sandbox.faults),
        settings(sandbox),
        new_version(),
    )


def new_version() -> str:
    return secrets.token_hex(8)


def delivery(content: bytes, state: str, due_at: int) -> Delivery:
    """The columns are newer than the document: a claim changes only them."""
    return msgspec.structs.replace(_delivery(content), state=DeliveryState(state), due_at=instant(due_at))


def claimed(sandbox: str, content: bytes, paid: bytes, until: int, lease: str) -> Claimed:
    return Claimed(sandbox, delivery(content, DeliveryState.CLAIMED, until), payment(paid), lease)


def kept_moments(bank: str, booked: bytes, paid: bytes) -> list[tuple[str, int]]:
    """(bank, microseconds) under which a payment is found that an earlier schema kept, by one of its entries."""
    moments = {entry(booked).booked_at, *moments_of(payment(paid))}
    return [(bank, micros(at)) for at in sorted(moments)]


def new_payment(sandbox_id: int, payment: Payment) -> tuple[object, ...]:
    """The columns of a payment that never change, and its document."""
    return (
        sandbox_id,
        payment.payment_id,
        payment.bank,
        payment.merchant_code,
        payment.order.order_key,
        payment.order.order_ref,
        document(payment),
    )


def totals(counters: dict[str, int]) -> Totals:
    """`counters` as `decisions` names them; those at zero are left out."""
    by_bank = _by_bank(_of("payments:", counters))
    by_state: Counter[str] = Counter()
    for states in by_bank.values():
        by_state.update(states)
    return Totals(
        payments=by_state.total(),
        payments_by_state={state: amount for state, amount in sorted(by_state.items()) if amount},
        payments_by_bank=by_bank,
        debited_vnd=counters.get("debited_vnd", 0),
        refunded_vnd=counters.get("refunded_vnd", 0),
        deliveries_by_state=_of("deliveries:", counters),
        exchanges=counters.get("exchanges", 0),
        retries=counters.get(RETRIES, 0),
        faults_spent=_of(FAULTS, counters),
        payments_removed=counters.get(REMOVED_PAYMENTS, 0),
        exchanges_removed=counters.get(REMOVED_EXCHANGES, 0),
        letters_removed=counters.get(REMOVED_LETTERS, 0),
    )


def figures(name: str, clock_at: int | None, due_at: int | None, counters: dict[str, int]) -> Figures:
    return Figures(name, clock_at is not None, instant_or_none(due_at), totals(counters), callback_times(counters))


def _by_bank(payments: dict[str, int]) -> dict[str, dict[str, int]]:
    """ "vnpay:paid" -> {"vnpay": {"paid": ...}}."""
    banks: dict[str, dict[str, int]] = {}
    for name, amount in payments.items():
        bank, _, state = name.rpartition(":")
        banks.setdefault(bank, {})[state] = amount
    return banks


def callback_times(counters: dict[str, int]) -> CallbackTimes:
    def timed(prefix: str) -> dict[int, int]:
        return {int(ms): amount for ms, amount in _of(prefix, counters).items()}

    return CallbackTimes(timed(ANSWERED), timed(TOLD))


def _of(prefix: str, counters: dict[str, int]) -> dict[str, int]:
    return {
        name.removeprefix(prefix): amount
        for name, amount in sorted(counters.items())
        if name.startswith(prefix) and amount
    }
