"""A payment terminal and its host: answer codes (DE39), the messages between them, and the totals of a day.

Rule: pure. Messages are shown as fields by number, never as ISO 8583 bytes: no connector ever sees one.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from simulator.clock import VIETNAM
from simulator.payment import COLLECTED, Outcome, Payment, State
from simulator.slip import TerminalSlip

APPROVED = "00"
NO_ORIGINAL = "25"
TOTALS_DIFFER = "95"

# iso8583-de39, in (Vietnamese, English). 25 and 95 answer a reversal and a settlement, never a sale.
ANSWERS: Mapping[str, tuple[str, str]] = {
    "00": ("Giao dịch thành công", "Approved"),
    "05": ("Ngân hàng phát hành từ chối", "The issuer does not honour the card"),
    "12": ("Giao dịch không hợp lệ", "Invalid transaction"),
    "13": ("Số tiền không hợp lệ", "Invalid amount"),
    "14": ("Số thẻ không đúng", "Invalid card number"),
    "30": ("Lỗi định dạng", "Format error"),
    "41": ("Thẻ đã báo mất", "Lost card"),
    "43": ("Thẻ bị đánh cắp", "Stolen card"),
    "51": ("Số dư không đủ", "Insufficient funds"),
    "54": ("Thẻ hết hạn", "Expired card"),
    "55": ("Sai mã PIN", "Wrong PIN"),
    "57": ("Thẻ không được phép làm giao dịch này", "Not permitted to this cardholder"),
    "61": ("Vượt hạn mức số tiền", "Above the amount limit"),
    "65": ("Vượt số lần giao dịch", "Above the frequency limit"),
    "68": ("Phản hồi đến quá muộn", "The answer came too late"),
    "75": ("Nhập sai PIN quá số lần", "Too many wrong PINs"),
    "91": ("Ngân hàng phát hành không hoạt động", "The issuer cannot be reached"),
    "96": ("Lỗi hệ thống", "System malfunction"),
    "25": ("Không tìm thấy giao dịch gốc", "There is no such original"),
    "95": ("Tổng kết không khớp", "The totals differ"),
}
SALE_ANSWERS = tuple(code for code in ANSWERS if code not in (NO_ORIGINAL, TOTALS_DIFFER))

# What the host answers to a card that ends so. Assumption: ISO 8583 tells the codes, not this house's words for them;
# a payment held for a fraud check, or that the bank does not know of, is not approved at the terminal.
CODES: Mapping[Outcome, str] = {
    Outcome.SUCCESS: "00",
    Outcome.SUSPECTED_FRAUD: "05",
    Outcome.NOT_REGISTERED: "57",
    Outcome.WRONG_DETAILS: "14",
    Outcome.TIMED_OUT: "68",
    Outcome.ACCOUNT_LOCKED: "43",
    Outcome.WRONG_OTP: "55",
    Outcome.CANCELLED: "12",
    Outcome.INSUFFICIENT_FUNDS: "51",
    Outcome.OVER_LIMIT: "61",
    Outcome.MAINTENANCE: "91",
    Outcome.WRONG_PASSWORD: "75",
    Outcome.REVERSED: "68",
    Outcome.UNKNOWN: "68",
    Outcome.OTHER: "05",
}
OUTCOMES: Mapping[str, Outcome] = dict.fromkeys(SALE_ANSWERS, Outcome.OTHER) | {
    "00": Outcome.SUCCESS,
    "14": Outcome.WRONG_DETAILS,
    "41": Outcome.ACCOUNT_LOCKED,
    "43": Outcome.ACCOUNT_LOCKED,
    "51": Outcome.INSUFFICIENT_FUNDS,
    "55": Outcome.WRONG_OTP,
    "57": Outcome.NOT_REGISTERED,
    "61": Outcome.OVER_LIMIT,
    "65": Outcome.OVER_LIMIT,
    "68": Outcome.TIMED_OUT,
    "75": Outcome.WRONG_PASSWORD,
    "91": Outcome.MAINTENANCE,
}

DONG = "704"
ACQUIRER = "00000970499"
"""A number that no bank has."""


class Host(StrEnum):
    """What becomes of a host's answer, where a tester wants none in time."""

    SILENT = "silent"
    """The sale never reaches the host; its reversal does, the second time."""
    LATE = "late"
    """The host approves, but the answer comes after the terminal has given up and reversed."""
    LOST = "lost"
    """Neither sale nor reversal is answered: only later does it show what the host did."""


class Fate(StrEnum):
    """What became of a message on its way."""

    ARRIVED = "arrived"
    LOST = "lost"
    DROPPED = "dropped"
    """It arrived after the terminal had given up, and changed nothing there."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message: `mti` such as "0200", `sender` "terminal" or "host", `fields` by their number ("39": "00")."""

    mti: str
    sender: str
    fields: dict[str, str]
    fate: Fate = Fate.ARRIVED


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What one side counts of a batch; a voided sale is a sale and a void."""

    sales: int = 0
    sales_vnd: int = 0
    voids: int = 0
    voids_vnd: int = 0


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One sale as each side has it: "sale", "void" or "none"."""

    payment_id: str
    order_ref: str
    stan: int
    amount_vnd: int
    at_terminal: str
    at_host: str

    @property
    def matches(self) -> bool:
        return self.at_terminal == self.at_host


def of_terminal(payment: Payment) -> TerminalSlip:
    """The slip of a sale. For payments that are known to have one."""
    assert isinstance(payment.slip, TerminalSlip), "a sale at a terminal has a terminal's slip"
    return payment.slip


def code_in_time(payment: Payment) -> str:
    """The DE39 that the terminal has for the sale; "" for none. A code that was scanned is answered as it was paid."""
    slip = of_terminal(payment)
    if slip.by_card or payment.outcome is None or payment.state is State.PENDING:
        return slip.response_code
    return APPROVED if payment.state in COLLECTED or slip.voided_at else CODES[payment.outcome]


# --- messages --------------------------------------------------------------------------------------------------------


def messages(payment: Payment) -> tuple[Message, ...]:
    """All that terminal and host have said of one sale, in order."""
    slip = of_terminal(payment)
    if slip.by_card and not (slip.response_code or slip.reversals):
        return ()
    if not slip.by_card and not code_in_time(payment):
        return ()
    sale = _fields(payment, slip, "000000", slip.stan, slip.sent_at)
    return (*_sale(payment, slip, sale), *_reversals(slip, sale), *_void(payment, slip))


def reversal_of_nothing(terminal_id: str, stan: int, at: datetime) -> tuple[Message, ...]:
    """A reversal of a sale that the host does not know, and its answer 25."""
    # iso8583-messages#reversal
    fields = {"3": "000000", "11": f"{stan:06d}", **_moment(at), "41": terminal_id, "90": _original(stan, at)}
    answer = Message(mti="0410", sender="host", fields=fields | {"39": NO_ORIGINAL})
    return Message(mti="0400", sender="terminal", fields=fields), answer


def settlement(
    terminal_id: str, batch: int, stan: int, at: datetime, records: Sequence[Record], claimed: Sums, host: Sums
) -> tuple[Message, ...]:
    """The end of a day: totals, and if they differ each record by itself, then the totals again."""
    # Assumption: processing codes 920000 and 960000, and 0320 for a record, as many terminals have them.
    first = {"3": "920000", "11": f"{stan:06d}", **_moment(at), "41": terminal_id, "60": f"{batch:06d}"}
    totals = first | {"63": totals_text(claimed)}
    match = claimed == host
    said = [_asked("0500", totals), _answered("0510", totals, APPROVED if match else TOTALS_DIFFER)]
    if not match:
        for number, record in enumerate((each for each in records if each.at_terminal != "none"), stan + 1):
            one = {"3": "000000", "4": f"{record.amount_vnd:012d}", "11": f"{number % 10**6:06d}", "41": terminal_id}
            one["60"] = f"0200{record.stan:06d}"
            said += [_asked("0320", one), _answered("0330", one, APPROVED)]
        last = totals | {"3": "960000"}
        said += [_asked("0500", last), _answered("0510", last, APPROVED)]
    return tuple(said)


def totals_text(sums: Sums) -> str:
    """Field 63: number (3) and amount (12) of sales, then of voids."""
    return f"{sums.sales:03d}{sums.sales_vnd:012d}{sums.voids:03d}{sums.voids_vnd:012d}"


def retrieval_reference(at: datetime, stan: int) -> str:
    """DE37, twelve digits: last digit of the year, day of the year, hour, and the STAN."""
    local = at.astimezone(VIETNAM)
    return f"{local.year % 10}{local:%j%H}{stan:06d}"


def _sale(payment: Payment, slip: TerminalSlip, fields: dict[str, str]) -> list[Message]:
    code = code_in_time(payment)
    sent = Message(mti="0200", sender="terminal", fields=fields, fate=Fate.ARRIVED if code else Fate.LOST)
    if code:
        approval = {"38": slip.approval_code} if code == APPROVED and slip.approval_code else {}
        return [sent, _answered("0210", fields | approval, code)]
    return [msgspec.structs.replace(sent, fate=Fate.ARRIVED) if slip.late_code else sent]


def _reversals(slip: TerminalSlip, sale: dict[str, str]) -> list[Message]:
    fields = sale | {"90": _original(slip.stan, slip.sent_at)}
    said = []
    for number in range(slip.reversals):
        last = number == slip.reversals - 1
        fate = Fate.ARRIVED if last and slip.reversal_code else Fate.LOST
        said.append(Message(mti="0401" if number else "0400", sender="terminal", fields=fields, fate=fate))
    if slip.reversal_code:
        said.append(_answered("0410", fields, slip.reversal_code))
    if slip.late_code:
        late = sale | {"39": slip.late_code}
        said.append(Message(mti="0210", sender="host", fields=late, fate=Fate.DROPPED))
    return said


def _void(payment: Payment, slip: TerminalSlip) -> list[Message]:
    if slip.voided_at is None:
        return []
    fields = _fields(payment, slip, "020000", slip.void_stan, slip.voided_at)
    fields |= {"90": _original(slip.stan, slip.sent_at)}
    return [_asked("0200", fields), _answered("0210", fields, APPROVED)]


def _fields(payment: Payment, slip: TerminalSlip, processing: str, stan: int, at: datetime) -> dict[str, str]:
    card = {"2": payment.payer_account} if slip.by_card and payment.payer_account else {}
    # Assumption: DE4 in whole dong, as dong have no minor unit; DE22 is chip or, for a scanned code, 03.
    return card | {
        "3": processing,
        "4": f"{payment.amount_vnd:012d}",
        "11": f"{stan:06d}",
        **_moment(at),
        "22": "051" if slip.by_card else "031",
        "25": "00",
        "37": retrieval_reference(at, stan),
        "41": slip.terminal_id,
        "42": payment.merchant_code[:15],
        "49": DONG,
        "60": f"{slip.batch:06d}",
        "62": payment.order.order_ref[:40],
    }


def _moment(at: datetime) -> dict[str, str]:
    local = at.astimezone(VIETNAM)
    return {"12": f"{local:%H%M%S}", "13": f"{local:%m%d}"}


def _original(stan: int, at: datetime) -> str:
    # iso8583-messages#de90: MTI, STAN, date and time, acquirer, forwarder.
    return f"0200{stan:06d}{at.astimezone(VIETNAM):%m%d%H%M%S}{ACQUIRER}{'0' * 11}"


def _asked(mti: str, fields: dict[str, str]) -> Message:
    return Message(mti=mti, sender="terminal", fields=fields)


def _answered(mti: str, fields: dict[str, str], code: str) -> Message:
    return Message(mti=mti, sender="host", fields=fields | {"39": code})


# --- totals ----------------------------------------------------------------------------------------------------------


def record(payment: Payment) -> Record:
    return Record(
        payment_id=payment.payment_id,
        order_ref=payment.order.order_ref,
        stan=of_terminal(payment).stan,
        amount_vnd=payment.amount_vnd,
        at_terminal=_at_terminal(payment),
        at_host=_at_host(payment),
    )


def _at_terminal(payment: Payment) -> str:
    """What the slips in the drawer say: only an approval that came in time is a sale."""
    if code_in_time(payment) != APPROVED:
        return "none"
    return "void" if of_terminal(payment).voided_at else "sale"


def _at_host(payment: Payment) -> str:
    """What the books say; a refund that the merchant asked for is no void."""
    if payment.state in COLLECTED:
        return "sale"
    approved = code_in_time(payment) == APPROVED
    return "void" if payment.state is State.REVERSED and approved else "none"


def terminal_sums(records: Iterable[Record]) -> Sums:
    return _sums([(each.at_terminal, each.amount_vnd) for each in records])


def host_sums(records: Iterable[Record]) -> Sums:
    return _sums([(each.at_host, each.amount_vnd) for each in records])


def _sums(counted: Sequence[tuple[str, int]]) -> Sums:
    sold = [amount for kind, amount in counted if kind in ("sale", "void")]
    voided = [amount for kind, amount in counted if kind == "void"]
    return Sums(sales=len(sold), sales_vnd=sum(sold), voids=len(voided), voids_vnd=sum(voided))
