"""Where this server also listens: addresses at which TLS goes wrong, for whoever sends connectors there."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from simulator.control.desk import REFUSALS, TheDesk, View

router = APIRouter(tags=["banks"], responses=REFUSALS)


class ListenersView(View):
    tls_untrusted_url: Annotated[
        str,
        Field(
            description="The same banks behind a certificate that nobody vouches for; empty = not listened to.",
            examples=["https://127.0.0.1:8443"],
        ),
    ]
    tls_refused_url: Annotated[
        str, Field(description="Every handshake is refused there; empty = not listened to.", examples=[""])
    ]


@router.get("/listeners", summary="List where TLS goes wrong")
async def listeners(desk: TheDesk) -> ListenersView:
    """`banksim serve --tls-untrusted-port` and `--tls-refused-port` open them. Paths there are as everywhere."""
    return ListenersView.model_validate(desk.listeners)
