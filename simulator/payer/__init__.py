"""What a payer can do on each channel, as pure changes of a payment; hand them to `bank.progress`.

Rule: each decides by the payment as it stands inside the transaction, so a second tab, a double click or a page that
has expired changes nothing, and a payment that is settled stays as it is.
"""

from simulator.payer.card import give_card, present
from simulator.payer.means import Account, Card, DecidedAt, Issuer, accounts, cards, issuer_of, issuers
from simulator.payer.online import OTP_LIFE, give_otp, log_in, otp_expired, send_otp_again, test_otp
from simulator.payer.place import (
    answer_late,
    begin_sale,
    close_batch,
    confirm,
    insert_card,
    may_take_back,
    may_void,
    repeat_reversal,
    take_back,
    take_money,
    void_sale,
)
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
    "answer_late",
    "begin_sale",
    "cancel",
    "cards",
    "choice_problem",
    "choose",
    "choose_again",
    "chooses_issuer",
    "close_batch",
    "confirm",
    "expired",
    "give_card",
    "give_otp",
    "insert_card",
    "issuer_of",
    "issuers",
    "log_in",
    "may_choose_again",
    "may_take_back",
    "may_void",
    "otp_expired",
    "present",
    "repeat_reversal",
    "scan",
    "send_otp_again",
    "stage",
    "take_back",
    "take_money",
    "test_otp",
    "tries_left",
    "void_sale",
]
