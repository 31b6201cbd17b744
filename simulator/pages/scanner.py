"""The simulated phone's scanner: a code that was pasted or photographed leads to its payment, or to a transfer.

Rule: what is wrong with a code is told by its reason; money goes only where a payer confirms it.
"""

import io

from starlette.requests import Request
from starlette.responses import Response

from simulator import bank, payer, qr
from simulator.pages.frame import FormTooLarge, office_of, page, posted, see, world_of
from simulator.pages.pay import Visit, look_at, qr_text
from simulator.payee import payee_of, transfer_channel
from simulator.payer import Stage
from simulator.payment import Channel
from simulator.world import World

SCANNED_MAX = 200
"""Among so many of the newest payments a scanned code is looked for that does not name its order."""

PICTURE_BYTES_MAX = 4 * 1024 * 1024
PICTURE_PIXELS_MAX = 24_000_000
CONTENT_MAX = 100


async def pick_up(request: Request) -> Response:
    """A phone that has not read any code yet."""
    return await _scanner(request)


async def read_text(request: Request) -> Response:
    """A code that stood on the merchant's own page or paper, by its text."""
    form = await posted(request)
    return await _lead_on(request, form.get("qr", "").strip())


async def read_picture(request: Request) -> Response:
    """A photograph of a code. Raises FormTooLarge."""
    if int(request.headers.get("content-length") or 0) > PICTURE_BYTES_MAX:
        raise FormTooLarge
    async with request.form(max_files=1, max_fields=1) as form:
        upload = form.get("picture")
        content = b"" if upload is None or isinstance(upload, str) else await upload.read(PICTURE_BYTES_MAX + 1)
    if len(content) > PICTURE_BYTES_MAX:
        raise FormTooLarge
    text = text_of(content)
    return await _scanner(request, "no_code") if text is None else await _lead_on(request, text)


async def transfer(request: Request) -> Response:
    """Sends the money; an account that nobody here has takes it, and no connector hears of it."""
    world, form = await world_of(request), await posted(request)
    account, content = form.get("account", "").strip(), form.get("content", "").strip()
    amount = form.get("amount_vnd", "").strip()
    problem = _problem_of(account, content, amount)
    payee = payee_of(world, account)
    if problem or payee is None:
        return await _transfer_form(request, form, problem or "nobody")
    dialect, merchant = payee
    channel = transfer_channel(dialect, Channel.QR)
    begun = await office_of(request).courier.transfer(world, dialect, merchant, content, int(amount), channel)
    await bank.progress(world, begun.payment_id, payer.scan(form.get("username", "")))
    return see(f"{world.prefix}/pay/{begun.payment_id}")


def text_of(picture: bytes) -> str | None:
    """The text of the QR code in a picture; None if there is none, or it is no picture."""
    # Loaded when the first picture comes: few servers ever see one.
    import zxingcpp
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(picture)) as opened:
            if opened.width * opened.height > PICTURE_PIXELS_MAX:
                return None
            found = zxingcpp.read_barcodes(opened.convert("L"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError):
        return None
    return found[0].text if found else None


async def _lead_on(request: Request, text: str) -> Response:
    """To the payment that waits for this code, else to a transfer to its account."""
    world = await world_of(request)
    try:
        code = qr.parse(text)
    except qr.QrError as error:
        return await _scanner(request, error.reason, error.where)
    here = await _coded(world, text)
    if here is not None:
        return see(f"{here.url}/phone")
    if code.service in qr.TRANSFERS:
        content = code.purpose or code.bill_number or code.reference
        amount = "" if code.amount_vnd is None else str(code.amount_vnd)
        return await _transfer_form(
            request, {"account": code.beneficiary, "bin": code.bank_bin, "content": content, "amount_vnd": amount}
        )
    return await _scanner(request, "unknown")


async def _coded(world: World, text: str) -> Visit | None:
    """The newest payment with this very code, if one waits for it to be scanned; else the newest that has ended."""
    read, ended = qr.parse(text), None
    for order_ref in (read.reference or read.bill_number, ""):
        for payment in await world.store.payments(world.name, order_ref=order_ref, limit=SCANNED_MAX):
            here = await look_at(world, payment)
            shown = payment.channel is Channel.QR or here.stage is Stage.QR
            if not shown or qr_text(here) != text:
                continue
            if here.stage is Stage.QR:
                return here
            ended = ended or (here if here.may_pay_late else None)
    return ended


async def _scanner(request: Request, refused: str = "", where: str = "") -> Response:
    world = await world_of(request)
    action = f"{world.prefix}/phone"
    return page(request, "scanner", status=422 if refused else 200, action=action, refused=refused, where=where)


async def _transfer_form(request: Request, form: dict[str, str], problem: str = "") -> Response:
    world = await world_of(request)
    payee = payee_of(world, form.get("account", ""))
    at_bank = next((each.name for each in payer.issuers().values() if each.bin == form.get("bin", "")), "")
    return page(
        request,
        "transfer",
        status=422 if problem else 200,
        action=f"{world.prefix}/phone/transfer",
        form=form,
        payee=payee[1].name if payee else "",
        at_bank=at_bank,
        accounts=payer.accounts().values(),
        problem=problem,
    )


def _problem_of(account: str, content: str, amount: str) -> str:
    checks = (
        (not (account.isascii() and account.isalnum() and len(account) <= 19), "bad_account"),
        (not (0 < len(content) <= CONTENT_MAX and content.isprintable()), "bad_content"),
        (not (amount.isascii() and amount.isdigit() and len(amount) < 10), "bad_amount"),
        (amount.isdigit() and not 0 < int(amount[:18] or "0") < qr.INSTANT_LIMIT_VND, "bad_amount"),
    )
    return next((key for holds, key in checks if holds), "")
