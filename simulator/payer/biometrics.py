"""The look into the camera that the law asks for above certain amounts, after the one-time password.

It comes last because only the debit itself, with the account locked, knows what was paid today already.
"""

from datetime import datetime

from simulator.payer.means import means_of
from simulator.payer.stages import Change, Stage, decided, stage
from simulator.payment import Event, Outcome, Payment, apply


def show_face(alike: bool) -> Change:
    """`alike` = the camera finds the payer to be the one whom the bank knows; else he is sent to a branch, at once."""

    def change(payment: Payment, now: datetime) -> Payment:
        means = means_of(payment.payer_account)
        if stage(payment, now) is not Stage.BIOMETRICS or means is None:
            return payment
        if not alike:
            return apply(payment, Event.DECLINE, now, Outcome.OVER_LIMIT)
        return decided(payment, now, means.outcome)

    return change
