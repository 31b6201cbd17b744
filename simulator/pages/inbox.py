"""The inbox's addresses for portals, and its page."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulator.inbox import LETTER_BYTES_MAX, NotALetter, fields_of, outage, receive
from simulator.letter import LetterKind
from simulator.pages.frame import page, posted, world_of

SHOWN = 200


async def show(request: Request) -> Response:
    """What has come, newest first."""
    world = await world_of(request)
    letters = await world.store.letters(world.name, limit=1000)
    return page(request, "inbox", world=world, letters=[letter for _, letter in letters[-SHOWN:]][::-1])


async def take_sms(request: Request) -> Response:
    return await _take(request, LetterKind.SMS)


async def take_email(request: Request) -> Response:
    return await _take(request, LetterKind.EMAIL)


async def _take(request: Request, kind: LetterKind) -> Response:
    """202 with the letter's number, or 400 with what is missing; 503 or 504 in an outage that a test asked for."""
    world = await world_of(request)
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    form = await posted(request) if is_form else None
    try:
        fields = fields_of(b"" if is_form else await _body(request), form)
        broken = await outage(world, fields)
        if broken and broken != "answer_lost":
            return JSONResponse({"detail": f"fault: {broken}; the message was not taken"}, 503)
        number = await receive(world, kind, fields)
    except NotALetter as error:
        return JSONResponse({"detail": str(error)}, 400)
    if broken:
        return JSONResponse({"detail": f"fault: {broken}; the message was taken"}, 504)
    return JSONResponse({"id": number}, 202)


async def _body(request: Request) -> bytes:
    """Raises NotALetter for a huge one."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LETTER_BYTES_MAX:
            raise NotALetter(f"larger than {LETTER_BYTES_MAX} bytes")
    return body
