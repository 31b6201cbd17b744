"""What a payer can do on each channel, as pure changes of a payment; hand them to `bank.progress`.

Rule: each decides by the payment as it stands inside the transaction, so a second tab, a double click or a page that
has expired changes nothing, and a payment that is settled stays as it is.
"""

from simulator.payer.card import give_card, present
from simulator.payer.means import Account, Card, DecidedAt, Issuer, accounts, cards, issuer_of, issuers
from simulator.payer.online import OTP_LIFE, give_otp, log_in, otp_expired, send_otp_again, test_otp
from simulator.payer.place import confirm
from simulator.payer.qr import scan
from simulator.payer.stages import (
    TRIES_MAX,
    Change,
    Problem,
    Stage,
    cancel,
    choice_problem,
    choose,
    choose_again,
    chooses_issuer,
    expired,
    may_choose_again,
    stage,
    tries_left,
)

__all__ = [
    "OTP_LIFE",
    "TRIES_MAX",
    "Account",
    "Card",
    "Change",
    "DecidedAt",
    "Issuer",
    "Problem",
    "Stage",
    "accounts",
    "cancel",
    "cards",
    "choice_problem",
    "choose",
    "choose_again",
    "chooses_issuer",
    "confirm",
    "expired",
    "give_card",
    "give_otp",
    "issuer_of",
    "issuers",
    "log_in",
    "may_choose_again",
    "otp_expired",
    "present",
    "scan",
    "send_otp_again",
    "stage",
    "test_otp",
    "tries_left",
]
