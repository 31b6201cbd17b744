"""What Prometheus scrapes: GET /metrics, guarded as the control API is."""

import platform
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Response

from simulator.control.desk import TheDesk
from simulator.metrics import CONTENT_TYPE, Server, exposition
from simulator.process import this_process

PATH: Final = "/metrics"

router = APIRouter(include_in_schema=False)


@router.get(PATH)
async def metrics(desk: TheDesk) -> Response:
    store = desk.worlds.store
    server = Server(
        figures=await store.figures(),
        size=await store.size(),
        process=this_process(),
        started_at=desk.started_at,
        now=desk.worlds.clock(),
        version=version("banksim"),
        python=platform.python_version(),
    )
    return Response(exposition(server), media_type=CONTENT_TYPE)
