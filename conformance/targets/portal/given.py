"""What a request brings, checked. Rule: what is not as it should be is refused with 422 and a sentence, never guessed.

Starlette and msgspec, not a framework with models: the suite starts the portal again and again, and that framework
would take half of the time.
"""

from datetime import date
from typing import Annotated, TypeVar

import msgspec
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from conformance.targets.portal.checkout import Unacceptable
from conformance.targets.portal.hearing import body_of
from conformance.targets.portal.protocols.day_sheet import SIZE_MAX

Kind = TypeVar("Kind")

Code = Annotated[str, msgspec.Meta(max_length=80)]
Name = Annotated[str, msgspec.Meta(max_length=100)]
Short = Annotated[str, msgspec.Meta(max_length=20)]


async def json_of(request: Request, kind: type[Kind]) -> Kind:
    """The body read as `kind`: a number may stand in quotation marks, what is not known is left out.

    Raises Unacceptable.
    """
    try:
        return msgspec.json.decode(await body_of(request) or b"{}", type=kind, strict=False)
    except msgspec.DecodeError as error:
        raise Unacceptable(str(error)) from error


def text(form: FormData, name: str) -> str:
    """A field's text, "" if it is not there."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def whole_number(form: FormData, name: str) -> int | None:
    """None if it is not there. Raises Unacceptable."""
    value = text(form, name)
    if value and not (value.isascii() and value.isdigit() and len(value) < 16):
        raise Unacceptable(f"{name} is no whole number")
    return int(value) if value else None


def day(told: str) -> date:
    """Raises Unacceptable for anything but yyyy-mm-dd."""
    try:
        return date.fromisoformat(told)
    except ValueError as error:
        raise Unacceptable(f"{told[:20]!r} is no date") from error


async def day_file(form: FormData) -> tuple[str, date, str, bytes]:
    """A bank's file of a business day that was uploaded: bank, day, its name, its content. Raises Unacceptable."""
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Unacceptable("no file was uploaded")
    content = await file.read(SIZE_MAX + 1)
    return text(form, "bank")[:40], day(text(form, "business_date")), file.filename or "", content
