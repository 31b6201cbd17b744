"""Payment terminals: sales, what becomes of an answer that does not come, voids, and the batch of a day."""

from collections.abc import Iterable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from simulator import terminal as wire
from simulator.control.desk import REFUSALS, Body, TheDesk, TheWorld, View, dialect_of, merchant_of, shown_as
from simulator.control.payments import PaymentView, kept, view
from simulator.control.problems import Refused
from simulator.payment import Payment
from simulator.places import name_code, terminals
from simulator.places.terminals import Batch, Terminal
from simulator.slip import TerminalSlip
from simulator.terminal import ANSWERS, SALE_ANSWERS, Host, Message, Sums
from simulator.world import World

router = APIRouter(prefix="/sandboxes/{sandbox}/terminal", tags=["terminal"], responses=REFUSALS)

TerminalId = Annotated[
    str, Field(pattern="^([A-Z0-9]{8})?$", description="Eight letters or digits; empty = the merchant's usual one.")
]


class AtTerminal(Body):
    bank: Annotated[str, Field(examples=["vietinbank"])]
    merchant_code: Annotated[str, Field(description="Without it, the bank's first merchant.")] = ""
    terminal_id: TerminalId = ""


class SaleNamed(Body):
    model_config = shown_as(bank="vietinbank", code="HS2026-0001")

    bank: Annotated[str, Field(examples=["vietinbank"])]
    merchant_code: Annotated[str, Field(description="Without it, the bank's first merchant.")] = ""
    code: Annotated[str, Field(min_length=1, max_length=300, description="Of a bill, or of an order that waits.")]


class CardInserted(Body):
    model_config = shown_as(card_number="9704198526191432198", host="")

    card_number: Annotated[str, Field(max_length=30, description="A test card's.")] = "9704198526191432198"
    host: Annotated[
        str,
        Field(
            description="How the host answers: empty = as the card says, a DE39 such as `51`, `silent` = not at all "
            "(time-out, reversal answered 25), `late` = approves after the reversal, `lost` = neither sale nor "
            "reversal is answered, and nobody knows yet.",
            pattern="^(" + "|".join(("", *Host, *SALE_ANSWERS)) + ")$",
        ),
    ] = ""
    terminal_id: TerminalId = ""


class StanReversed(AtTerminal):
    model_config = shown_as(bank="vietinbank", stan=77)

    stan: Annotated[int, Field(ge=1, le=999_999, description="The number of the sale to reverse.")]


class SumsView(View):
    sales: int
    sales_vnd: int
    voids: int
    voids_vnd: int


class Claim(Body):
    sales: Annotated[int, Field(ge=0, le=999)]
    sales_vnd: Annotated[int, Field(ge=0, le=10**12 - 1)]
    voids: Annotated[int, Field(ge=0, le=999)] = 0
    voids_vnd: Annotated[int, Field(ge=0, le=10**12 - 1)] = 0


class BatchClosed(AtTerminal):
    model_config = shown_as(bank="vietinbank")

    claimed: Annotated[Claim | None, Field(description="Totals to send instead of the terminal's own.")] = None


class MessageView(View):
    mti: Annotated[str, Field(examples=["0200"])]
    sender: Literal["terminal", "host"]
    fields: Annotated[dict[str, str], Field(description="By the number of the data element.", examples=[{"39": "00"}])]
    fate: wire.Fate


class SaleView(View):
    """A payment at a terminal; without a `stan` no card has been read yet."""

    payment: PaymentView
    terminal_id: str
    stan: int | None
    batch: int | None
    response_code: Annotated[str, Field(description="DE39 that came in time; empty = none.", examples=["00"])]
    response_vi: str
    response_en: str
    approval_code: str
    retrieval_reference: Annotated[str, Field(description="RRN, DE37.")]
    reversals: Annotated[int, Field(description="0400 and 0401 sent so far.")]
    reversal_code: Annotated[str, Field(description="DE39 of the 0410; empty = not answered.")]
    late_code: Annotated[str, Field(description="DE39 of an answer that came too late and was dropped.")]
    voided_at: AwareDatetime | None
    closed_at: Annotated[AwareDatetime | None, Field(description="When its batch was closed.")]
    messages: tuple[MessageView, ...]


class ReversalView(View):
    """`code` is the DE39 of the 0410: 25 = the host knows no such sale."""

    code: str
    payment: PaymentView | None
    messages: tuple[MessageView, ...]


class RecordView(View):
    payment_id: str
    order_ref: str
    stan: int
    amount_vnd: int
    at_terminal: Literal["sale", "void", "none"]
    at_host: Literal["sale", "void", "none"]
    matches: bool


class BatchView(View):
    terminal_id: str
    number: int
    closed: bool
    matches: bool
    claimed: Annotated[SumsView, Field(description="What the terminal says.")]
    host: Annotated[SumsView, Field(description="What the host has.")]
    records: tuple[RecordView, ...]
    messages: tuple[MessageView, ...]


class CodeView(View):
    code: Annotated[str, Field(examples=["51"])]
    vi: str
    en: str


@router.get("/answers", summary="List the host's answers (DE39)")
async def answers(world: TheWorld) -> list[CodeView]:
    return [CodeView(code=code, vi=vietnamese, en=english) for code, (vietnamese, english) in ANSWERS.items()]


@router.post("/sales", status_code=201, summary="Name a code at a terminal")
async def name_sale(desk: TheDesk, world: TheWorld, wanted: SaleNamed) -> SaleView:
    """A bill is asked for at the connector; an order that it made is looked up. A card, or a phone, pays it next."""
    it = _terminal(world, AtTerminal(bank=wanted.bank, merchant_code=wanted.merchant_code))
    channel = terminals.channel_of(it.dialect)
    if channel is None:
        raise Refused(409, f"{it.dialect.code} has no terminals: it is paid neither by POS nor by QR.")
    payment = await name_code(desk.courier, world, it.dialect, it.merchant, wanted.code, channel)
    return _sale(it, payment)


@router.get("/sales/{payment_id}", summary="Show a sale, its slip and its messages")
async def sale(world: TheWorld, payment_id: str) -> SaleView:
    return _sale(*await _at_terminal(world, payment_id))


@router.post("/sales/{payment_id}/card", summary="Insert a test card")
async def insert_card(world: TheWorld, payment_id: str, wanted: CardInserted) -> SaleView:
    """The host answers as the card says, or as `host` says. A card that was declined has ended the payment."""
    it, payment = await _at_terminal(world, payment_id, wanted.terminal_id)
    host = Host(wanted.host) if wanted.host in list(Host) else wanted.host
    return _sale(it, await terminals.sell(it, payment, wanted.card_number, host))


@router.post("/sales/{payment_id}/qr", summary="Show a QR code instead")
async def show_qr(world: TheWorld, payment_id: str) -> SaleView:
    """A phone scans it on the payment's page; the event `approve` does the same."""
    it, payment = await _at_terminal(world, payment_id)
    return _sale(it, await terminals.show_qr(it, payment))


@router.post("/sales/{payment_id}/late-answer", summary="Let the answer come late")
async def answer_late(world: TheWorld, payment_id: str) -> SaleView:
    """The terminal drops it. If its reversal was answered, nothing changes; if not, the host keeps the sale, and the
    connector is told only now.
    """
    it, payment = await _at_terminal(world, payment_id)
    return _sale(it, await terminals.late_answer(it, payment))


@router.post("/sales/{payment_id}/reversal", summary="Send the reversal again (0401)")
async def repeat_reversal(world: TheWorld, payment_id: str) -> SaleView:
    """This one is answered: 00 if the host had booked the sale and takes it back, 25 if it never had it."""
    it, payment = await _at_terminal(world, payment_id)
    return _sale(it, await terminals.repeat_reversal(it, payment))


@router.post("/sales/{payment_id}/void", summary="Void an approved sale")
async def void(world: TheWorld, payment_id: str) -> SaleView:
    """On the same day, before its batch is closed; the connector is told if its bank announces reversals."""
    it, payment = await _at_terminal(world, payment_id)
    return _sale(it, await terminals.void(it, payment))


@router.post("/reversals", summary="Reverse a sale by its number (0400)")
async def reverse(world: TheWorld, wanted: StanReversed) -> ReversalView:
    """A number that no sale of this terminal has is answered 25."""
    found, said = await terminals.reverse_number(_terminal(world, wanted), wanted.stan)
    code = next((each.fields["39"] for each in said if each.mti == "0410"), "")
    return ReversalView(code=code, payment=view(world, found) if found else None, messages=_messages(said))


@router.get("/batch", summary="Show the open batch")
async def batch(
    world: TheWorld,
    bank: Annotated[str, Query(examples=["vietinbank"])],
    merchant_code: Annotated[str, Query()] = "",
    terminal_id: Annotated[str, Query(pattern="^([A-Z0-9]{8})?$")] = "",
) -> BatchView:
    it = _terminal(world, AtTerminal(bank=bank, merchant_code=merchant_code, terminal_id=terminal_id))
    return _batch(it, await terminals.open_batch(it))


@router.post("/batch", summary="Close the day's batch")
async def close_batch(world: TheWorld, wanted: BatchClosed) -> BatchView:
    """Totals are compared (0500, 0510); if they differ, each record is uploaded (0320). The next sale opens a batch."""
    it = _terminal(world, wanted)
    claimed = Sums(**wanted.claimed.model_dump()) if wanted.claimed else None
    return _batch(it, await terminals.close_batch(it, claimed))


def _terminal(world: World, wanted: AtTerminal) -> Terminal:
    dialect = dialect_of(wanted.bank)
    merchant = merchant_of(world, dialect, wanted.merchant_code)
    return terminals.usual_terminal(world, dialect, merchant, wanted.terminal_id)


async def _at_terminal(world: World, payment_id: str, terminal_id: str = "") -> tuple[Terminal, Payment]:
    payment = await kept(world, payment_id)
    it = terminals.terminal_of(world, dialect_of(payment.bank), payment)
    if terminal_id and not isinstance(payment.slip, TerminalSlip):
        it = terminals.usual_terminal(world, it.dialect, it.merchant, terminal_id)
    return it, payment


def _sale(it: Terminal, payment: Payment) -> SaleView:
    slip = payment.slip if isinstance(payment.slip, TerminalSlip) else None
    code = wire.code_in_time(payment) if slip else ""
    vietnamese, english = ANSWERS.get(code, ("", ""))
    return SaleView(
        payment=view(it.world, payment),
        terminal_id=it.terminal_id,
        stan=slip.stan if slip else None,
        batch=slip.batch if slip else None,
        response_code=code,
        response_vi=vietnamese,
        response_en=english,
        approval_code=slip.approval_code if slip else "",
        retrieval_reference=wire.retrieval_reference(slip.sent_at, slip.stan) if slip else "",
        reversals=slip.reversals if slip else 0,
        reversal_code=slip.reversal_code if slip else "",
        late_code=slip.late_code if slip else "",
        voided_at=slip.voided_at if slip else None,
        closed_at=slip.closed_at if slip else None,
        messages=_messages(wire.messages(payment)) if slip else (),
    )


def _batch(it: Terminal, batch: Batch) -> BatchView:
    return BatchView(
        terminal_id=it.terminal_id,
        number=batch.number,
        closed=batch.closed,
        matches=batch.matches,
        claimed=SumsView.model_validate(batch.claimed),
        host=SumsView.model_validate(batch.host),
        records=tuple(RecordView.model_validate(each) for each in batch.records),
        messages=_messages(batch.said),
    )


def _messages(said: Iterable[Message]) -> tuple[MessageView, ...]:
    return tuple(MessageView.model_validate(each) for each in said)
