"""The banks' files of a business day: made on demand with any fault, fetched as a connector would, and answered."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import AwareDatetime, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict

from simulator import reconciling
from simulator.banks import dialects
from simulator.clock import VIETNAM
from simulator.control.desk import REFUSALS, Body, TheWorld, View, dialect_of, merchant_of
from simulator.control.payments import AMOUNT_MAX
from simulator.control.problems import Refused
from simulator.payment import Merchant
from simulator.reconciling import Written, empty_sheet, file_of
from simulator.settlement.day import Kind, Line
from simulator.settlement.fault import Extra, FileFaults, NoSuchRow
from simulator.settlement.sheet import DayFile, DoesNotFit, Sheet
from simulator.world import World

router = APIRouter(prefix="/sandboxes/{sandbox}/settlements", tags=["settlements"], responses=REFUSALS)

ROWS_MAX = 1000
CONTENT_MAX = 32_000_000
IN_MEMORY_MAX = 1_000_000
CHUNK = 64 * 1024
TEXT = "text/plain; charset=utf-8"

Ref = Annotated[str, Field(min_length=1, max_length=255)]
Refs = Annotated[tuple[Ref, ...], Field(max_length=ROWS_MAX)]
BusinessDate = Annotated[
    date,
    Field(ge=date(2000, 1, 1), le=date(2100, 1, 1), description="By the bank's cut-off.", examples=["2026-01-05"]),
]
Since = Annotated[BusinessDate | None, Field(description="All days from this one on once more, as after an outage.")]
KindOf = Annotated[str, Field(description="Which of the bank's files; without it, its first one.", examples=["va"])]
LateS = Annotated[int, Query(ge=0, le=31 * 24 * 3600, description="So much later than usual it is there.")]
Early = Annotated[bool, Query(description="Now, whatever the hour: the rows so far, of a day that still lasts too.")]


class ExtraRow(Body):
    order_ref: Ref
    amount_vnd: Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]


class Faults(Body):
    """What is to be wrong with the file; rows are named by their orders."""

    missing: Annotated[Refs, Field(description="Rows that are left out.")] = ()
    extra: Annotated[tuple[ExtraRow, ...], Field(max_length=ROWS_MAX, description="Rows of no payment.")] = ()
    duplicated: Annotated[Refs, Field(description="Rows that are there twice.")] = ()
    changed: Annotated[
        Mapping[Ref, Annotated[int, Field(strict=True, ge=-AMOUNT_MAX, le=AMOUNT_MAX)]],
        Field(max_length=ROWS_MAX, description="So many dong are added to the row."),
    ] = {}
    cancelled: Annotated[Refs, Field(description="Sales that the bank says it took back.")] = ()
    late: Annotated[
        Refs, Field(description="Left out of their own day, late in the next day's file: ask for both with it.")
    ] = ()
    wrong_row_checksum: Refs = ()
    wrong_footer_checksum: bool = False
    count_delta: Annotated[
        int, Field(strict=True, ge=-ROWS_MAX, le=ROWS_MAX, description="Added to the count in the last line.")
    ] = 0


_SHOWN: JsonDict = {"bank": "vietinbank", "business_date": "2026-01-05", "faults": {"count_delta": 1}}


class Wanted(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_SHOWN]})

    bank: Annotated[str, Field(examples=["vietinbank"])]
    kind: KindOf = ""
    merchant_code: Annotated[str, Field(description="Without it, the bank's first merchant.")] = ""
    business_date: BusinessDate
    since: Since = None
    faults: Faults = Faults()


class Answered(Wanted):
    content_base64: Annotated[str, Field(max_length=CONTENT_MAX, description="The merchant's file.")]


class RowView(View):
    kind: Kind
    payment_id: str
    order_ref: str
    bank_ref: str
    amount_vnd: int
    at: AwareDatetime
    carried: Annotated[bool, Field(description="Of the day before, and late.")]


class SumView(View):
    count: int
    amount_vnd: int


class DayTotalsView(View):
    count: int
    net_vnd: Annotated[int, Field(description="What the rows add to the merchant's money: sales without the rest.")]
    sales: SumView
    refunds: SumView
    cancelled: Annotated[SumView, Field(description="Taken and given back within the day; not in `net_vnd`.")]
    reversals: Annotated[SumView, Field(description="Given back in this day, taken in an earlier one.")]


class FileView(View):
    bank: str
    merchant_code: str
    kind: str
    title: str
    business_date: date
    begins_at: AwareDatetime
    ends_at: Annotated[AwareDatetime, Field(description="The first instant after the day.")]
    ready_at: Annotated[AwareDatetime, Field(description="From when on a connector can fetch it.")]
    name: Annotated[str, Field(description="As the bank names it.")]
    folder: Annotated[str, Field(description="Where the bank puts it.")]
    reply_name: Annotated[str, Field(description="What the merchant's file is called; empty = it sends none.")]
    reply_folder: str


class SettlementView(FileView):
    content_base64: Annotated[str, Field(description="The file, byte by byte.")]
    totals: DayTotalsView
    lines: list[RowView]


class SaidView(View):
    line: int
    key: str
    status: Annotated[str, Field(description="What is said of the row; 00 or 0000 = agreed.")]
    amount_vnd: int | None


class WrongView(View):
    line: int
    field: Annotated[str, Field(description="Empty = the line as a whole.")]
    why: str


class ReplyView(View):
    accepted: Annotated[bool, Field(description="Whether nothing is wrong with it.")]
    rows: tuple[SaidView, ...]
    errors: tuple[WrongView, ...]
    answer_name: Annotated[str, Field(description="The bank's answer to it; empty = there is none.")]
    answer_folder: str
    answer_base64: str


@router.get("", summary="List a day's files")
async def files(
    world: TheWorld,
    business_date: Annotated[
        date | None, Query(ge=date(2000, 1, 1), le=date(2100, 1, 1), description="Without it, yesterday.")
    ] = None,
) -> list[FileView]:
    """Of every bank and merchant that has files; nothing is made yet."""
    day = business_date or (await world.now()).astimezone(VIETNAM).date() - timedelta(days=1)
    return [
        _file(form, merchant, day)
        for dialect in dialects().values()
        for merchant in world.merchants.values()
        if merchant.bank == dialect.code
        for form in dialect.settlement
    ]


@router.post("", summary="Make a file, as it is or with faults")
async def make(world: TheWorld, wanted: Wanted) -> SettlementView:
    """The same request gives the same bytes. 409 while the business day still lasts."""
    form, merchant = _named(world, wanted.bank, wanted.kind, wanted.merchant_code)
    written = await _written(world, form, merchant, wanted)
    return SettlementView(
        **_file(form, merchant, wanted.business_date).model_dump(exclude={"begins_at"}),
        begins_at=written.sheet.day.begins_at,
        content_base64=base64.b64encode(written.content).decode(),
        totals=DayTotalsView.model_validate(written.totals),
        lines=[_row(line) for line in written.sheet.lines],
    )


@router.get("/{bank}/{business_date}", summary="Fetch a file as a connector does", response_class=Response)
async def fetch(
    world: TheWorld,
    bank: Annotated[str, Path(examples=["vietinbank"])],
    business_date: Annotated[date, Path(ge=date(2000, 1, 1), le=date(2100, 1, 1), examples=["2026-01-05"])],
    kind: Annotated[str, Query(description="Without it, the bank's first one.")] = "",
    merchant_code: Annotated[str, Query(description="Without it, the bank's first merchant.")] = "",
    late_s: LateS = 0,
    early: Early = False,
    since: Since = None,
    faults: Annotated[
        str, Query(description="As JSON, as in the body of POST.", examples=['{"count_delta":1}'])
    ] = "{}",
) -> Response:
    """The bare bytes. 404 before it is there: at 07:00 on the next day, or as the merchant's options say.

    `early` goes without faults, which need a day that is over.
    """
    form, merchant = _named(world, bank, kind, merchant_code)
    ready_at = _file(form, merchant, business_date).ready_at + timedelta(seconds=late_s)
    now = await world.now()
    if now < ready_at and not early:
        raise Refused(404, f"The file is there from {ready_at.isoformat()} on; it is {now.isoformat()}.")
    wanted = Wanted(bank=bank, business_date=business_date, since=since, faults=_read(faults))
    if wanted.faults != Faults():
        written = await _written(world, form, merchant, wanted)
        return Response(written.content, media_type=TEXT, headers=_headers(written.name))
    return await _streamed(world, form, merchant, wanted, early)


async def _streamed(world: World, form: DayFile, merchant: Merchant, wanted: Wanted, early: bool) -> Response:
    """Written to its end first, for only then it is known whether it can be; what is long lies on the disk."""
    _demand_order(wanted)
    content = SpooledTemporaryFile(max_size=IN_MEMORY_MAX)  # noqa: SIM115 - closed when it is sent
    with _refusing("There is no such file"):
        sheet = await reconciling.write_day(
            world, form, merchant, wanted.business_date, content, wanted.since, early=early
        )
    headers = {**_headers(form.name(sheet)), "content-length": str(content.tell())}
    return StreamingResponse(_chunks(content), media_type=TEXT, headers=headers)


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    with content:
        content.seek(0)
        while chunk := content.read(CHUNK):
            yield chunk


def _headers(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{_ascii(name)}"'}


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    try:
        yield
    except (reconciling.NotOver, reconciling.WrongOption, NoSuchRow, DoesNotFit) as error:
        raise Refused(409, f"{what}: {error}.") from error


def _demand_order(wanted: Wanted) -> None:
    if wanted.since is not None and wanted.since > wanted.business_date:
        raise Refused(400, f"Field `since`: {wanted.since} is after {wanted.business_date}.")


@router.post("/replies", summary="Hand in the merchant's file")
async def reply(world: TheWorld, wanted: Answered) -> ReplyView:
    """Says what it says of each row and what is wrong with it, by line and field; with the bank's answer, if any.

    `since` and `faults` must be those with which the bank's file was made.
    """
    form, merchant = _named(world, wanted.bank, wanted.kind, wanted.merchant_code)
    if form.read is None:
        raise Refused(409, f"{merchant.bank} takes no file for its {form.kind!r}.")
    try:
        content = base64.b64decode(wanted.content_base64, validate=True)
    except binascii.Error as error:
        raise Refused(400, "Body field `content_base64`: is not Base64.") from error
    faults = _faults(wanted.faults)
    with _refusing("The file cannot be read"):
        found = await reconciling.reply_to(world, form, merchant, wanted.business_date, content, faults, wanted.since)
    return ReplyView(
        accepted=not found.errors,
        rows=tuple(SaidView.model_validate(each) for each in found.rows),
        errors=tuple(WrongView.model_validate(each) for each in found.errors),
        answer_name=found.answer_name,
        answer_folder=form.answer_folder,
        answer_base64=base64.b64encode(found.answer).decode(),
    )


async def _written(world: World, form: DayFile, merchant: Merchant, wanted: Wanted) -> Written:
    faults = _faults(wanted.faults)
    _demand_order(wanted)
    with _refusing("There is no such file"):
        return await reconciling.day_file(world, form, merchant, wanted.business_date, faults, wanted.since)


def _named(world: World, bank: str, kind: str, merchant_code: str) -> tuple[DayFile, Merchant]:
    dialect = dialect_of(bank)
    form = file_of(dialect, kind)
    if form is None:
        kinds = ", ".join(each.kind for each in dialect.settlement) or "none"
        raise Refused(404, f"{bank} has no file {kind!r} of a business day; it has: {kinds}.")
    return form, merchant_of(world, dialect, merchant_code)


def _empty(form: DayFile, merchant: Merchant, day: date) -> Sheet:
    with _refusing("There is no such file"):
        return empty_sheet(form, merchant, day)


def _file(form: DayFile, merchant: Merchant, day: date) -> FileView:
    sheet = _empty(form, merchant, day)
    with _refusing("There is no such file"):
        ready_at = reconciling.ready_at(sheet)
    return FileView(
        bank=merchant.bank,
        merchant_code=merchant.merchant_code,
        kind=form.kind,
        title=form.title,
        business_date=day,
        begins_at=sheet.day.begins_at,
        ends_at=sheet.day.ends_at,
        ready_at=ready_at,
        name=form.name(sheet),
        folder=form.folder,
        reply_name=form.reply_name(sheet) if form.reply_name else "",
        reply_folder=form.reply_folder,
    )


def _read(faults: str) -> Faults:
    try:
        return Faults.model_validate_json(faults)
    except ValidationError as error:
        [first, *_] = error.errors(include_url=False)
        place = ".".join(("faults", *map(str, first["loc"])))
        raise Refused(400, f"Query field `{place}`: {first['msg']}.") from error


def _faults(wanted: Faults) -> FileFaults:
    given = wanted.model_dump()
    extra = tuple(msgspec.convert(each, Extra) for each in given.pop("extra"))
    return FileFaults(extra=extra, **given)


def _row(line: Line) -> RowView:
    return RowView(
        kind=line.kind,
        payment_id=line.payment.payment_id,
        order_ref=line.order_ref,
        bank_ref=line.refund.bank_ref if line.refund else line.payment.bank_ref,
        amount_vnd=line.amount_vnd,
        at=line.at,
        carried=line.carried,
    )


def _ascii(name: str) -> str:
    return "".join(each if each.isascii() and each.isprintable() and each not in '"\\' else "_" for each in name)
