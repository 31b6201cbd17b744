"""One payer's way, from the portal's door to a paid dossier."""

import time
from collections.abc import Callable

import gevent
from locust.contrib.fasthttp import FastHttpSession

from conformance.target import BELIEVED
from loadtests.bank_side import BankSide
from loadtests.door import NotServed, Portal
from loadtests.payers import Payer
from loadtests.plan import Plan
from loadtests.record import Journey

LOOK_FIRST_S, LOOK_GROWS, LOOK_MAX_S = 0.2, 1.6, 5.0
"""When a payer who waits looks at the portal again. What is told of the time until a dossier is paid is as exact."""

Told = Callable[[str, float, str], None]
"""Tells Locust of a wait: its name, how long it was in ms, and why it was in vain ("" = it was not)."""


def go(plan: Plan, payer: Payer, http: FastHttpSession, journey: Journey, told: Told) -> None:
    """Goes the whole way, and writes into `journey` how far it came."""
    portal, bank = Portal(plan, http), BankSide(plan, http)
    try:
        checkout = portal.open(payer)
        journey.order_ref = checkout.order_ref
        gevent.sleep(plan.think * payer.pause_s[0])
        journey.payment_id = bank.arrive(payer, checkout)
        gevent.sleep(plan.think * payer.pause_s[1])
        bank.pay(journey.payment_id)
        journey.paid = time.time()
        if payer.comes_back:
            url, fields = bank.way_back(journey.payment_id)
            if url:
                portal.come_back(url, fields)
        _wait(plan, portal, payer, journey, told)
        if journey.seen_paid and _is_given_back(plan, payer):
            portal.refund(payer)
    except NotServed as refused:
        journey.ended = str(refused)


def _is_given_back(plan: Plan, payer: Payer) -> bool:
    return bool(plan.door.refund and plan.refund_every) and payer.number % plan.refund_every == 0


def _wait(plan: Plan, portal: Portal, payer: Payer, journey: Journey, told: Told) -> None:
    """Looks at the portal until the dossier is paid, or the payer's patience is over."""
    pause_s = LOOK_FIRST_S
    while True:
        if portal.status(payer) in BELIEVED:
            journey.seen_paid = time.time()
            journey.ended = "paid"
            told("paid", (journey.seen_paid - journey.paid) * 1000, "")
            return
        waited_s = time.time() - journey.paid
        if waited_s > plan.patience_s:
            journey.ended = "waited in vain"
            told("paid", waited_s * 1000, f"the dossier was not paid {plan.patience_s:g} s after the money was")
            return
        gevent.sleep(pause_s)
        pause_s = min(pause_s * LOOK_GROWS, LOOK_MAX_S)
