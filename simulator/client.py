"""A small synchronous client of the control API; rule: it imports nothing of the simulator."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import IO, Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

T = TypeVar("T")

Headers = tuple[tuple[str, str], ...]

QUICK_S = 30.0
"""How long an answer from the store may take."""

PATIENT_S = 600.0
"""How long a call may take in which the bank waits for the connector, many times over when a clock moves."""


class ControlError(Exception):
    """The control API said no, or did not answer (`status` 0). `reason` names a bill's refusal, else ""."""

    def __init__(self, status: int, detail: str, reason: str = "") -> None:
        super().__init__(f"{status}: {detail}" if status else detail)
        self.status = status
        self.detail = detail
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantView:
    bank: str
    merchant_code: str
    name: str
    secrets: dict[str, str]
    callback_url: str
    inquiry_url: str
    return_hosts: tuple[str, ...]
    options: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxView:
    """`banks` gives each bank's base URL in this sandbox: what a connector is configured with."""

    name: str
    seed: str
    manual: bool
    now: datetime
    base_url: str
    faults_by_amount: bool
    merchants: tuple[MerchantView, ...]
    banks: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """`attempts` = how many callbacks were attempted on the way; 0 when the clock was only read."""

    now: datetime
    manual: bool
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryView:
    bank: str
    delays_s: tuple[int, ...]
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultView:
    fault_id: str
    kind: str
    bank: str
    operation: str
    merchant_code: str
    order_ref: str
    skip: int
    times: int
    probability: float
    delay_s: float
    copies: int
    at_once: bool
    amount_delta_vnd: int
    delay_max_s: float
    spread: float
    status: int
    size_bytes: int
    limit: int
    window_s: int
    hours: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreeDSView:
    """`status` is Y, A, N, U or R, or C while the issuer's page waits."""

    status: str
    eci: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundView:
    """`state` is "made", "pending" or "refused"; a pending one is decided by itself at `decides_at`, if at all."""

    request_ref: str
    amount_vnd: int
    state: str
    bank_ref: str
    refunded_at: datetime
    decides_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """`amount_vnd` is what the payer pays, `order_amount_vnd` what the connector asked for."""

    payment_id: str
    bank: str
    merchant_code: str
    order_ref: str
    order_key: str
    amount_vnd: int
    order_amount_vnd: int
    description: str
    state: str
    outcome: str | None
    channel: str | None
    issuer_code: str
    bank_ref: str
    created_at: datetime
    settled_at: datetime | None
    expires_at: datetime | None
    refunded_vnd: int
    page_url: str
    return_url: str
    three_ds: ThreeDSView | None = None
    refunding_vnd: int = 0
    refunds: tuple[RefundView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WayBack:
    """Where the payer's browser goes, "" = nowhere. A form posts the `fields` there; without any it is a GET."""

    url: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """A payer's test account as it stands in a sandbox. A day is Vietnam's."""

    username: str
    number: str
    holder: str
    outcome: str
    decided_at: str
    balance_vnd: int
    spent_vnd: int
    per_transfer_vnd: int
    daily_vnd: int
    today_vnd: int
    left_today_vnd: int
    biometrics: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceView:
    """`window` is "23:00-01:00" in Vietnam's time, "" = none; `until` when the one that goes on is over."""

    window: str
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalMessage:
    """What terminal or host ("sender") said; `fate` is "arrived", "lost" or "dropped"."""

    mti: str
    sender: str
    fields: dict[str, str]
    fate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleView:
    """A payment at a terminal; `stan` is None until a card is read. Codes are DE39, "" = none."""

    payment: PaymentView
    terminal_id: str
    stan: int | None
    batch: int | None
    response_code: str
    response_vi: str
    response_en: str
    approval_code: str
    retrieval_reference: str
    reversals: int
    reversal_code: str
    late_code: str
    voided_at: datetime | None
    closed_at: datetime | None
    messages: tuple[TerminalMessage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalView:
    """`code` "25" = the host knows no sale of that number."""

    code: str
    payment: PaymentView | None
    messages: tuple[TerminalMessage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What one side counts of a batch."""

    sales: int
    sales_vnd: int
    voids: int = 0
    voids_vnd: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """One sale as each side has it: "sale", "void" or "none"."""

    payment_id: str
    order_ref: str
    stan: int
    amount_vnd: int
    at_terminal: str
    at_host: str
    matches: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """`claimed` are the terminal's totals, `host` the host's."""

    terminal_id: str
    number: int
    closed: bool
    matches: bool
    claimed: Sums
    host: Sums
    records: tuple[RecordView, ...]
    messages: tuple[TerminalMessage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitView:
    """A payment at a counter; `sequence` is None until money is taken. `booked_on` is the business date."""

    payment: PaymentView
    branch: str
    teller_id: str
    sequence: int | None
    paid_with: str | None
    taken_at: datetime | None
    booked_on: date | None
    corrects: str
    corrected_by: str
    reversal_is_told: bool
    paid_besides: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """`due_at` is the next attempt's time; `says_*` is what the callback tells."""

    delivery_id: str
    payment_id: str
    bank: str
    merchant_code: str
    due_at: datetime
    says_state: str
    says_outcome: str | None
    says_amount_vnd: int
    attempt: int
    state: str
    forged: bool
    distorted: str
    repeats: bool
    held: bool
    copies: int
    breaks: tuple[str | None, ...]
    last_answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One exchange. `direction` "in" = the connector called the bank; `status` 0 = there was no answer.

    A body that is not UTF-8 has its bytes in `..._base64`, and the text is only a rendering.
    """

    id: int
    direction: str
    at: datetime
    bank: str
    operation: str
    payment_id: str
    order_ref: str
    method: str
    url: str
    request_headers: Headers
    request_body: str
    request_body_base64: str
    status: int
    response_headers: Headers
    response_body: str
    response_body_base64: str
    note: str

    @property
    def request_bytes(self) -> bytes:
        return _bytes(self.request_body, self.request_body_base64)

    @property
    def response_bytes(self) -> bytes:
        return _bytes(self.response_body, self.response_body_base64)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """`amount_vnd` is positive when the payer was debited, negative when money went back."""

    payment_id: str
    entry_id: str
    bank: str
    merchant_code: str
    order_ref: str
    amount_vnd: int
    booked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingView:
    """What a payment came to: what the payer paid in all, what went back, and whether a callback is still under way."""

    number: int
    payment_id: str
    bank: str
    merchant_code: str
    order_ref: str
    state: str
    debited_vnd: int
    returned_vnd: int
    telling: bool


@dataclass(frozen=True, slots=True)
class CallbackTimes:
    """How many callbacks took how many milliseconds: until they were `answered`, and until the connector was `told`."""

    answered: Mapping[int, int]
    told: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    payments: int
    payments_by_state: dict[str, int]
    debited_vnd: int
    refunded_vnd: int
    deliveries_by_state: dict[str, int]
    exchanges: int
    payments_by_bank: dict[str, dict[str, int]]
    retries: int
    faults_spent: dict[str, int]
    payments_removed: int
    exchanges_removed: int
    letters_removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BankView:
    """`path` is the bank's URL prefix, `secrets` the names of what a merchant and this bank share."""

    code: str
    name: str
    shape: str
    path: str
    channels: tuple[str, ...]
    secrets: tuple[str, ...]
    announces: tuple[str, ...]
    retry_delays_s: tuple[int, ...]
    timeout_s: float
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenersView:
    """Where TLS goes wrong ("https://127.0.0.1:8443"): a certificate nobody vouches for, no handshake; "" = nowhere."""

    tls_untrusted_url: str
    tls_refused_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KindView:
    """A fault that can be asked for: `side` is answer, callback, payer or refund, `number` what an amount says."""

    kind: str
    number: int
    side: str
    en: str
    vi: str
    settings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionView:
    bank: str
    key: str
    value: str
    why: str
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceView:
    """What another gateway publishes for the same card number."""

    date: str
    cvc: str
    otp: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """A test card. `date` is MM/YY: issue of a domestic card, expiry of an international one."""

    number: str
    scheme: str
    holder: str
    date: str
    cvc: str
    otp: str
    three_ds: str
    outcome: str
    decided_at: str
    source: str
    also: tuple[FaceView, ...]
    luhn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeOtpView:
    otp: str
    outcome: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsView:
    """All test cards, and the passwords that choose an outcome."""

    cards: tuple[CardView, ...]
    otps: tuple[OutcomeOtpView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterView:
    """A text message ("sms") or an e-mail ("email") to a payer; `id` is 0 for those of the payer's bank."""

    kind: str
    at: datetime
    sender: str
    recipient: str
    subject: str
    text: str
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A bank's file of a business day, not made yet. `reply_name` "" = the merchant sends none in return."""

    bank: str
    merchant_code: str
    kind: str
    title: str
    business_date: date
    begins_at: datetime
    ends_at: datetime
    ready_at: datetime
    name: str
    folder: str
    reply_name: str
    reply_folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    kind: str
    payment_id: str
    order_ref: str
    bank_ref: str
    amount_vnd: int
    at: datetime
    carried: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SumView:
    count: int
    amount_vnd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotalsView:
    """`net_vnd` is what the rows add to the merchant's money."""

    count: int
    net_vnd: int
    sales: SumView
    refunds: SumView
    cancelled: SumView
    reversals: SumView


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementView(FileView):
    """A file that was made; `lines` are its rows."""

    content_base64: str
    totals: DayTotalsView
    lines: tuple[RowView, ...]

    @property
    def content(self) -> bytes:
        return base64.b64decode(self.content_base64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidView:
    line: int
    key: str
    status: str
    amount_vnd: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongView:
    """`field` "" = the line as a whole."""

    line: int
    field: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyView:
    """A merchant's file as the bank understood it, and the file with which it answers (`answer_name` "" = none)."""

    accepted: bool
    rows: tuple[SaidView, ...]
    errors: tuple[WrongView, ...]
    answer_name: str
    answer_folder: str
    answer_base64: str

    @property
    def answer(self) -> bytes:
        return base64.b64decode(self.answer_base64)


@dataclass(frozen=True, slots=True)
class Message:
    """A request that the bank makes, or would make, of the connector."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the connector answered; `status` 0 and `error` when it did not."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    error: str = ""


@dataclass(frozen=True, slots=True)
class _MessageBody:
    method: str
    url: str
    headers: Headers
    body_base64: str


@dataclass(frozen=True, slots=True)
class _AnswerBody:
    status: int
    headers: Headers
    body_base64: str
    error: str


@dataclass(frozen=True, slots=True)
class _Problem:
    detail: str = ""
    reason: str = ""


class Banksim:
    """A running banksim at `url` ("http://127.0.0.1:8080"). Beyond loopback it asks for a `token`."""

    def __init__(self, url: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=f"{self.url}/_control", headers=headers, transport=transport, trust_env=False
        )

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create_sandbox(
        self,
        name: str | None = None,
        *,
        seed: str | None = None,
        manual: bool | None = None,
        clock_at: datetime | None = None,
        faults_by_amount: bool | None = None,
    ) -> "SandboxClient":
        """A new sandbox; without a name it is given one. `clock_at` (aware) alone implies a manual clock.

        `faults_by_amount` = an amount that ends in 9NN asks for fault number NN.
        """
        wanted = _given(name=name, seed=seed, manual=manual, clock_at=clock_at, faults_by_amount=faults_by_amount)
        view = self.call(SandboxView, "POST", "/sandboxes", wanted)
        return SandboxClient(self, view.name)

    def sandbox(self, name: str = "default") -> "SandboxClient":
        """The sandbox of that name; whether it exists shows with the first call."""
        return SandboxClient(self, name)

    def sandboxes(self) -> tuple[SandboxView, ...]:
        return self.call(tuple[SandboxView, ...], "GET", "/sandboxes")

    def banks(self) -> tuple[BankView, ...]:
        return self.call(tuple[BankView, ...], "GET", "/banks")

    def listeners(self) -> ListenersView:
        """Addresses of the whole server; SandboxClient.url_at says where a sandbox is found there."""
        return self.call(ListenersView, "GET", "/listeners")

    def cards(self) -> CardsView:
        return self.call(CardsView, "GET", "/cards")

    def fault_kinds(self) -> tuple[KindView, ...]:
        return self.call(tuple[KindView, ...], "GET", "/faults")

    def assumptions(self) -> tuple[AssumptionView, ...]:
        return self.call(tuple[AssumptionView, ...], "GET", "/assumptions")

    def call(
        self,
        answer: type[T],
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        timeout_s: float = QUICK_S,
    ) -> T:
        """One call below /_control, its answer read as `answer`. Raises ControlError."""
        response = self._response(method, path, body, params, timeout_s)
        try:
            return msgspec.json.decode(response.content or b"null", type=answer)
        except msgspec.DecodeError as error:
            raise ControlError(
                response.status_code, f"{self.url} is not banksim, or another version of it: {error}"
            ) from error

    def fetch(self, path: str, *, params: Mapping[str, Any] | None = None) -> bytes:
        """The bare bytes of what is below /_control. Raises ControlError."""
        return self._response("GET", path, None, params, PATIENT_S).content

    def fetch_into(self, into: IO[bytes], path: str, *, params: Mapping[str, Any] | None = None) -> None:
        """The same bytes, piece by piece and never all in memory. Raises ControlError."""
        try:
            with self._http.stream("GET", path, params=params, timeout=PATIENT_S) as response:
                if not response.is_success:
                    response.read()
                    raise _problem(response)
                for piece in response.iter_bytes():
                    into.write(piece)
        except httpx.TransportError as error:
            raise ControlError(0, f"no answer from {self.url} ({error}): is `banksim serve` running?") from error

    def _response(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        params: Mapping[str, Any] | None,
        timeout_s: float,
    ) -> httpx.Response:
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if content is None else {"content-type": "application/json"}
        try:
            response = self._http.request(
                method, path, content=content, headers=headers, params=params, timeout=timeout_s
            )
        except httpx.TransportError as error:
            raise ControlError(0, f"no answer from {self.url} ({error}): is `banksim serve` running?") from error
        if not response.is_success:
            raise _problem(response)
        return response


@dataclass(frozen=True, slots=True)
class SandboxClient:
    """One sandbox of a running banksim: one method an endpoint. Each raises ControlError."""

    banksim: Banksim
    name: str

    @property
    def url(self) -> str:
        """Where this sandbox's banks begin ("http://127.0.0.1:8080/s/NAME"): append "/vnpay"."""
        return self.url_at(self.banksim.url)

    def url_at(self, server: str) -> str:
        """Where they begin at another of the server's addresses ("https://127.0.0.1:8443")."""
        return f"{server}/s/{self.name}"

    def view(self) -> SandboxView:
        return self._call(SandboxView, "GET", "")

    def drop(self) -> None:
        self._call(type(None), "DELETE", "")

    def reset(self, *, clock_at: datetime | None = None, seed: str | None = None) -> SandboxView:
        """Removes payments, ledger, faults, deliveries and journal; merchants and retries stay."""
        return self._call(SandboxView, "POST", "/reset", _given(clock_at=clock_at, seed=seed))

    def clock(self) -> ClockView:
        return self._call(ClockView, "GET", "/clock")

    def advance(self, seconds: int = 0) -> ClockView:
        """Moves a manual clock, carrying out all that falls due on the way; 0 = what is due now."""
        return self._call(ClockView, "POST", "/clock", {"advance_s": seconds}, timeout_s=PATIENT_S)

    def advance_to(self, instant: datetime) -> ClockView:
        return self._call(ClockView, "POST", "/clock", {"to": instant}, timeout_s=PATIENT_S)

    def merchants(self) -> tuple[MerchantView, ...]:
        return self._call(tuple[MerchantView, ...], "GET", "/merchants")

    def set_merchant(
        self,
        bank: str,
        code: str,
        *,
        name: str | None = None,
        secrets: Mapping[str, str] | None = None,
        callback_url: str | None = None,
        inquiry_url: str | None = None,
        return_hosts: Sequence[str] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> MerchantView:
        """Changes what is given and leaves the rest; an unknown code is a new merchant."""
        changes = _given(
            name=name,
            secrets=secrets,
            callback_url=callback_url,
            inquiry_url=inquiry_url,
            return_hosts=return_hosts,
            options=options,
        )
        return self._call(MerchantView, "PUT", f"/merchants/{_part(bank)}/{_part(code)}", changes)

    def set_retries(self, bank: str, delays_s: Sequence[int], timeout_s: float | None = None) -> RetryView:
        body = {"delays_s": delays_s} | _given(timeout_s=timeout_s)
        return self._call(RetryView, "PUT", f"/retries/{_part(bank)}", body)

    def faults(self) -> tuple[FaultView, ...]:
        return self._call(tuple[FaultView, ...], "GET", "/faults")

    def add_fault(
        self,
        kind: str,
        *,
        bank: str | None = None,
        operation: str | None = None,
        merchant_code: str | None = None,
        order_ref: str | None = None,
        skip: int | None = None,
        times: int | None = None,
        probability: float | None = None,
        delay_s: float | None = None,
        copies: int | None = None,
        at_once: bool | None = None,
        amount_delta_vnd: int | None = None,
        delay_max_s: float | None = None,
        spread: float | None = None,
        status: int | None = None,
        size_bytes: int | None = None,
        limit: int | None = None,
        window_s: int | None = None,
        hours: str | None = None,
    ) -> FaultView:
        """Plans a fault; what is left out is as the fault has it. `banksim faults KIND` tells what each reads."""
        body = {"kind": kind} | _given(
            bank=bank,
            operation=operation,
            merchant_code=merchant_code,
            order_ref=order_ref,
            skip=skip,
            times=times,
            probability=probability,
            delay_s=delay_s,
            copies=copies,
            at_once=at_once,
            amount_delta_vnd=amount_delta_vnd,
            delay_max_s=delay_max_s,
            spread=spread,
            status=status,
            size_bytes=size_bytes,
            limit=limit,
            window_s=window_s,
            hours=hours,
        )
        return self._call(FaultView, "POST", "/faults", body)

    def remove_fault(self, fault_id: str) -> None:
        self._call(type(None), "DELETE", f"/faults/{_part(fault_id)}")

    def clear_faults(self) -> None:
        self._call(type(None), "DELETE", "/faults")

    def payments(
        self, *, order_ref: str = "", bank: str = "", limit: int = 100, offset: int = 0
    ) -> tuple[PaymentView, ...]:
        """Newest first."""
        params = {"order_ref": order_ref, "bank": bank, "limit": limit, "offset": offset}
        return self._call(tuple[PaymentView, ...], "GET", "/payments", params=params)

    def payment(self, payment_id: str) -> PaymentView:
        return self._call(PaymentView, "GET", f"/payments/{_part(payment_id)}")

    def event(
        self, payment_id: str, event: str, outcome: str | None = None, amount_vnd: int | None = None
    ) -> PaymentView:
        """What the payer or the bank does: "approve", "decline", ... 409 when its state does not allow it."""
        body = {"event": event} | _given(outcome=outcome, amount_vnd=amount_vnd)
        return self._call(PaymentView, "POST", f"/payments/{_part(payment_id)}/events", body)

    def pay_card(
        self,
        payment_id: str,
        number: str,
        *,
        holder: str | None = None,
        date: str | None = None,
        cvc: str | None = None,
        otp: str | None = None,
        then: str | None = None,
    ) -> PaymentView:
        """The payer gives a test card; what is left out is as the card has it. `then`: "answer" (the code that is
        asked for, `otp`), "refuse" or "leave" it. 422 for a number that is no test card."""
        body = {"number": number} | _given(holder=holder, date=date, cvc=cvc, otp=otp, then=then)
        return self._call(PaymentView, "POST", f"/payments/{_part(payment_id)}/card", body)

    def decide_refund(self, payment_id: str, *, made: bool, request_ref: str = "") -> PaymentView:
        """A pending refund is made or refused; without a number the one pending longest. 409 when none is."""
        body = {"made": made, "request_ref": request_ref}
        return self._call(PaymentView, "POST", f"/payments/{_part(payment_id)}/refund-decision", body)

    def abandon(self, payment_id: str) -> PaymentView:
        """The payer closes the browser: nothing happens, and the payment will expire."""
        return self._call(PaymentView, "POST", f"/payments/{_part(payment_id)}/abandon")

    def go_back(self, payment_id: str) -> WayBack:
        """The payer's browser goes back, by GET or by a form that is posted, as this bank has it."""
        return self._call(WayBack, "POST", f"/payments/{_part(payment_id)}/return")

    def browser_return(self, payment_id: str) -> str:
        """The same, the address alone: all there is where a bank posts no form. "" if it sends the browser nowhere."""
        return self.go_back(payment_id).url

    def inquire_bill(
        self, bank: str, bill_code: str, channel: str | None = None, merchant_code: str | None = None
    ) -> PaymentView:
        """The bank asks the connector what is owed. 422 with `reason` when the connector refuses."""
        body = {"bank": bank, "bill_code": bill_code} | _given(channel=channel, merchant_code=merchant_code)
        return self._call(PaymentView, "POST", "/bills", body, timeout_s=PATIENT_S)

    def pay_unasked(
        self,
        bank: str,
        bill_code: str,
        amount_vnd: int,
        channel: str | None = None,
        merchant_code: str | None = None,
    ) -> PaymentView:
        """A paid bill of which the connector was never asked."""
        body = {"bank": bank, "bill_code": bill_code, "amount_vnd": amount_vnd}
        body |= _given(channel=channel, merchant_code=merchant_code)
        return self._call(PaymentView, "POST", "/bills/unasked", body)

    def transfer(
        self,
        bank: str,
        content: str,
        amount_vnd: int,
        channel: str | None = None,
        merchant_code: str | None = None,
    ) -> PaymentView:
        """A transfer to the merchant's account, still pending: the event "approve" sends the money."""
        body = {"bank": bank, "content": content, "amount_vnd": amount_vnd}
        body |= _given(channel=channel, merchant_code=merchant_code)
        return self._call(PaymentView, "POST", "/transfers", body)

    def scan(self, code: str, amount_vnd: int | None = None) -> PaymentView:
        """The transfer that a QR code's text asks for, still pending. 422 when no banking app could carry it out."""
        return self._call(PaymentView, "POST", "/transfers/scanned", {"code": code} | _given(amount_vnd=amount_vnd))

    def accounts(self) -> tuple[AccountView, ...]:
        return self._call(tuple[AccountView, ...], "GET", "/accounts")

    def account(self, username: str) -> AccountView:
        return self._call(AccountView, "GET", f"/accounts/{_part(username)}")

    def set_account(
        self,
        username: str,
        *,
        balance_vnd: int | None = None,
        per_transfer_vnd: int | None = None,
        daily_vnd: int | None = None,
        biometrics: str | None = None,
    ) -> AccountView:
        """What is given is changed, the rest stays. `biometrics`: "registered", "mismatch" or "none"."""
        changes = _given(
            balance_vnd=balance_vnd, per_transfer_vnd=per_transfer_vnd, daily_vnd=daily_vnd, biometrics=biometrics
        )
        return self._call(AccountView, "PUT", f"/accounts/{_part(username)}", changes)

    def maintenance(self) -> MaintenanceView:
        return self._call(MaintenanceView, "GET", "/maintenance")

    def set_maintenance(self, window: str) -> MaintenanceView:
        """The hours in which no payer can log in, "23:00-01:00" in Vietnam's time; "" = none."""
        return self._call(MaintenanceView, "PUT", "/maintenance", {"window": window})

    def name_sale(self, bank: str, code: str, merchant_code: str | None = None) -> SaleView:
        """Names the code of a bill or of an order at a terminal. 422 when the connector refuses the bill."""
        body = {"bank": bank, "code": code} | _given(merchant_code=merchant_code)
        return self._call(SaleView, "POST", "/terminal/sales", body, timeout_s=PATIENT_S)

    def insert_card(
        self, payment_id: str, card_number: str | None = None, host: str = "", terminal_id: str = ""
    ) -> SaleView:
        """Reads a test card, by default one with money. `host`: a DE39, "silent", "late", "lost", "" = by the card."""
        body = {"host": host, "terminal_id": terminal_id} | _given(card_number=card_number)
        return self._call(SaleView, "POST", f"/terminal/sales/{_part(payment_id)}/card", body)

    def sale(self, payment_id: str) -> SaleView:
        return self._call(SaleView, "GET", f"/terminal/sales/{_part(payment_id)}")

    def show_qr(self, payment_id: str) -> SaleView:
        """The terminal shows a code for a phone."""
        return self._call(SaleView, "POST", f"/terminal/sales/{_part(payment_id)}/qr")

    def answer_late(self, payment_id: str) -> SaleView:
        """The host's answer comes after the terminal gave up."""
        return self._call(SaleView, "POST", f"/terminal/sales/{_part(payment_id)}/late-answer")

    def repeat_reversal(self, payment_id: str) -> SaleView:
        """The terminal sends 0401, and is answered."""
        return self._call(SaleView, "POST", f"/terminal/sales/{_part(payment_id)}/reversal")

    def void(self, payment_id: str) -> SaleView:
        return self._call(SaleView, "POST", f"/terminal/sales/{_part(payment_id)}/void")

    def reverse(self, bank: str, stan: int, merchant_code: str | None = None, terminal_id: str = "") -> ReversalView:
        """A reversal of the sale of that number; one that the host does not know is answered 25."""
        body = {"bank": bank, "stan": stan, "terminal_id": terminal_id} | _given(merchant_code=merchant_code)
        return self._call(ReversalView, "POST", "/terminal/reversals", body)

    def batch(self, bank: str, merchant_code: str = "", terminal_id: str = "") -> BatchView:
        params = {"bank": bank, "merchant_code": merchant_code, "terminal_id": terminal_id}
        return self._call(BatchView, "GET", "/terminal/batch", params=params)

    def close_batch(
        self, bank: str, merchant_code: str | None = None, terminal_id: str = "", claimed: Sums | None = None
    ) -> BatchView:
        """Settles with the host; `claimed` are totals to send instead of the terminal's own."""
        body: dict[str, Any] = {"bank": bank, "terminal_id": terminal_id} | _given(merchant_code=merchant_code)
        body |= {"claimed": asdict(claimed)} if claimed else {}
        return self._call(BatchView, "POST", "/terminal/batch", body)

    def name_visit(
        self, bank: str, code: str, merchant_code: str | None = None, amount_vnd: int | None = None
    ) -> VisitView:
        """Names a code at a counter. `amount_vnd` only where nobody can be asked what is owed."""
        body = {"bank": bank, "code": code} | _given(merchant_code=merchant_code, amount_vnd=amount_vnd)
        return self._call(VisitView, "POST", "/counter/visits", body, timeout_s=PATIENT_S)

    def visit(self, payment_id: str) -> VisitView:
        return self._call(VisitView, "GET", f"/counter/visits/{_part(payment_id)}")

    def take_money(
        self,
        payment_id: str,
        paid_with: str = "cash",
        username: str = "",
        branch: str = "0001",
        teller_id: str = "GDV01",
    ) -> VisitView:
        """The teller has the cash, or debits a test account ("account")."""
        body = {"paid_with": paid_with, "username": username, "branch": branch, "teller_id": teller_id}
        return self._call(VisitView, "POST", f"/counter/visits/{_part(payment_id)}/payment", body)

    def take_back(self, payment_id: str) -> VisitView:
        """The teller reverses a mistake of the same day."""
        return self._call(VisitView, "POST", f"/counter/visits/{_part(payment_id)}/reversal")

    def correct(self, payment_id: str, code: str) -> VisitView:
        """Moves a paid visit to the code that was meant: the new visit."""
        path = f"/counter/visits/{_part(payment_id)}/correction"
        return self._call(VisitView, "POST", path, {"code": code}, timeout_s=PATIENT_S)

    def settlements(self, business_date: date | None = None) -> tuple[FileView, ...]:
        """What files there are of a day, by default of yesterday."""
        params = {"business_date": business_date.isoformat()} if business_date else {}
        return self._call(tuple[FileView, ...], "GET", "/settlements", params=params)

    def settle(
        self,
        bank: str,
        business_date: date,
        *,
        kind: str = "",
        merchant_code: str = "",
        since: date | None = None,
        faults: Mapping[str, Any] | None = None,
    ) -> SettlementView:
        """Makes the bank's file of a day that is over. `faults`: {"missing": ["HS1"], "count_delta": 1}, see /docs."""
        body = _settlement(bank, business_date, kind, merchant_code, since, faults)
        return self._call(SettlementView, "POST", "/settlements", body, timeout_s=PATIENT_S)

    def settlement_file(
        self,
        bank: str,
        business_date: date,
        *,
        kind: str = "",
        merchant_code: str = "",
        late_s: int = 0,
        since: date | None = None,
        faults: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The file as a connector fetches it; 404 before 07:00 on the next day, or `late_s` after that.

        `since` and `faults` as in `settle`.
        """
        params: dict[str, Any] = {"kind": kind, "merchant_code": merchant_code, "late_s": late_s}
        params |= _given(
            since=since and since.isoformat(), faults=None if faults is None else msgspec.json.encode(faults).decode()
        )
        place = f"/sandboxes/{_part(self.name)}/settlements/{_part(bank)}/{business_date.isoformat()}"
        return self.banksim.fetch(place, params=params)

    def early_file(
        self, into: IO[bytes], bank: str, business_date: date, *, kind: str = "", merchant_code: str = ""
    ) -> None:
        """The file as it is now, the rows so far of a day that still lasts; never all in memory."""
        place = f"/sandboxes/{_part(self.name)}/settlements/{_part(bank)}/{business_date.isoformat()}"
        params = {"kind": kind, "merchant_code": merchant_code, "early": "true"}
        self.banksim.fetch_into(into, place, params=params)

    def reply(
        self,
        bank: str,
        business_date: date,
        content: bytes,
        *,
        kind: str = "",
        merchant_code: str = "",
        since: date | None = None,
        faults: Mapping[str, Any] | None = None,
    ) -> ReplyView:
        """Hands in the merchant's file; `since` and `faults` as the bank's file was made with."""
        body = _settlement(bank, business_date, kind, merchant_code, since, faults)
        body |= {"content_base64": base64.b64encode(content).decode()}
        return self._call(ReplyView, "POST", "/settlements/replies", body, timeout_s=PATIENT_S)

    def inbox(self, *, to: str = "", after_id: int = 0, limit: int = 100) -> tuple[LetterView, ...]:
        """What portals have sent to payers, in the order it came."""
        params = {"to": to, "after_id": after_id, "limit": limit}
        return self._call(tuple[LetterView, ...], "GET", "/inbox", params=params)

    def letters(self, payment_id: str) -> tuple[LetterView, ...]:
        """What the payer's bank has sent the payer."""
        return self._call(tuple[LetterView, ...], "GET", f"/payments/{_part(payment_id)}/letters")

    def callback(
        self,
        payment_id: str,
        *,
        state: str | None = None,
        outcome: str | None = None,
        amount_vnd: int | None = None,
        merchant_code: str | None = None,
        forged: bool = False,
        distorted: str | None = None,
    ) -> Message:
        """The very message that the bank would send, not sent. `forged` = signed with another secret.

        `distorted` is the kind of a fault that is wrong with the message itself ("wrong_currency"); 400 with the
        reason where this bank's messages cannot be distorted like that.
        """
        body = _given(state=state, outcome=outcome, amount_vnd=amount_vnd, merchant_code=merchant_code)
        path = f"/payments/{_part(payment_id)}/callback"
        told = self._call(_MessageBody, "POST", path, body | {"forged": forged} | _given(distorted=distorted))
        return Message(told.method, told.url, told.headers, base64.b64decode(told.body_base64))

    def send(self, message: Message, *, bank: str = "", payment_id: str = "", note: str = "") -> Answer:
        """Sends it as the bank would, and journals it."""
        body = _sending(message, bank, payment_id, note)
        return _answer(self._call(_AnswerBody, "POST", "/send", body, timeout_s=PATIENT_S))

    def send_together(self, messages: Sequence[Message], *, bank: str = "", note: str = "") -> tuple[Answer, ...]:
        """Sends them at the same moment, at most 100; the answers are in the messages' order."""
        body = {"messages": [_sending(each, bank, "", note) for each in messages]}
        told = self._call(tuple[_AnswerBody, ...], "POST", "/send/together", body, timeout_s=PATIENT_S)
        return tuple(map(_answer, told))

    def deliveries(self, *, payment_id: str = "", limit: int = 100, offset: int = 0) -> tuple[DeliveryView, ...]:
        params = {"payment_id": payment_id, "limit": limit, "offset": offset}
        return self._call(tuple[DeliveryView, ...], "GET", "/deliveries", params=params)

    def deliver_again(self, delivery_id: str) -> DeliveryView:
        """Makes it due now, once more; on a manual clock `advance` carries it out."""
        return self._call(DeliveryView, "POST", f"/deliveries/{_part(delivery_id)}/again")

    def journal(self, *, payment_id: str = "", after_id: int = 0, limit: int = 100) -> tuple[JournalEntry, ...]:
        """In the order it happened; `after_id` = the last one already seen."""
        params = {"payment_id": payment_id, "after_id": after_id, "limit": limit}
        return self._call(tuple[JournalEntry, ...], "GET", "/journal", params=params)

    def ledger(self, *, payment_id: str = "", limit: int = 1000, offset: int = 0) -> tuple[LedgerEntry, ...]:
        params = {"payment_id": payment_id, "limit": limit, "offset": offset}
        return self._call(tuple[LedgerEntry, ...], "GET", "/ledger", params=params)

    def standings(self) -> Iterator[StandingView]:
        """What each payment came to, oldest first; read page by page."""
        after = 0
        while page := self._call(tuple[StandingView, ...], "GET", "/standings", params={"after": after}):
            yield from page
            after = page[-1].number

    def callback_times(self) -> CallbackTimes:
        return self._call(CallbackTimes, "GET", "/callback-times")

    def totals(self) -> Totals:
        return self._call(Totals, "GET", "/totals")

    def _call(
        self,
        answer: type[T],
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        timeout_s: float = QUICK_S,
    ) -> T:
        place = f"/sandboxes/{_part(self.name)}{path}"
        return self.banksim.call(answer, method, place, body, params=params, timeout_s=timeout_s)


def _given(**fields: object) -> dict[str, Any]:
    """Only what was given: the server fills in the rest."""
    return {name: value for name, value in fields.items() if value is not None}


def _settlement(
    bank: str, day: date, kind: str, merchant_code: str, since: date | None, faults: Mapping[str, Any] | None
) -> dict[str, Any]:
    told = {"bank": bank, "business_date": day, "kind": kind, "merchant_code": merchant_code}
    return told | _given(since=since, faults=faults)


def _sending(message: Message, bank: str, payment_id: str, note: str) -> dict[str, Any]:
    return {
        "method": message.method,
        "url": message.url,
        "headers": message.headers,
        "body_base64": base64.b64encode(message.body).decode(),
        "bank": bank,
        "payment_id": payment_id,
        "note": note,
    }


def _answer(told: _AnswerBody) -> Answer:
    return Answer(told.status, told.headers, base64.b64decode(told.body_base64), told.error)


def _part(text: str) -> str:
    return quote(text, safe="")


def _bytes(text: str, encoded: str) -> bytes:
    return base64.b64decode(encoded) if encoded else text.encode()


def _problem(response: httpx.Response) -> ControlError:
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    detail = problem.detail or f"{response.request.method} {response.request.url} answered {response.status_code}"
    return ControlError(response.status_code, detail, problem.reason)
