"""VietinBank's confirmation to a merchant whose QR code was paid: nobody was asked, the message alone tells of it.

Rule: the message is the one that ends a wallet payment; what a scanned code does not say comes from the contract.
"""

from simulator.banks.vietinbank_wallet import acknowledged, callback
from simulator.dialect import Dialect, Part, Shape, assumed
from simulator.outbox import Retry
from simulator.payment import Channel, State

ASSUMPTIONS = (
    ("signature", "all of its values in the order of its fields", "its fields are known, its rule is not", ""),
    ("digest", "SHA1", "as the wallet's client signs; newer VietinBank interfaces use SHA256", "options.digest"),
    ("order-id", "the first 12 letters of what the payer writes", "the field's length; its use is not told", ""),
    ("terminal", "told if the contract names it", "its name alone is known", "options.terminal_id"),
    ("product", "told if the contract names it", "its name alone is known", "options.product_id"),
    ("status", "00 paid, else the wallet's codes; failures are told only where a test asks", "no list is public", ""),
    ("request-number", "made from the payment and its state", "the same in every attempt", ""),
    ("acknowledgement", "HTTP 200, the wallet's answer form, signed, 00 or 07", "no rule is public", ""),
    ("retries", "after 1, 2, 5, 10 and 30 min; 30 s for an answer", "no schedule is public", "retries"),
    ("refund", "there is none", "no message for it is public", ""),
    ("life", "a code that was scanned can be paid for 15 min", "no limit is public", ""),
)

DIALECT = Dialect(
    code="vietinbank_qr",
    name="VietinBank QR cho đơn vị chấp nhận thanh toán",
    shape=Shape.ADVICE,
    channels=(Channel.QR, Channel.MOBILE),
    callback=callback,
    parts=frozenset({Part.MERCHANT, Part.ORDER, Part.OPTIONAL, Part.UNKNOWN}),
    acknowledged=acknowledged,
    retry=Retry(delays_s=(60, 120, 300, 600, 1800), timeout_s=30),
    announces=frozenset({State.PAID}),
    secrets=("bank_private_key", "partner_public_key"),
    sources=("vietinbank-qr-confirm", "vietinbank-ewallet"),
    assumptions=assumed("vietinbank_qr", ASSUMPTIONS),
)
