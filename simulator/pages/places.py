"""Which page a payment shows while it is at a counter or at a terminal, and what both places share.

Rule: a payment that is at neither is left to the payers' own pages.
"""

from starlette.requests import Request
from starlette.responses import Response

from simulator.pages import counter, pay, terminal
from simulator.pages.frame import posted, see
from simulator.pages.pay import visit
from simulator.payer import Stage
from simulator.payment import Channel
from simulator.slip import TellerSlip, TerminalSlip


async def show(request: Request) -> Response:
    """The step that the payment waits for."""
    here = await visit(request)
    at_terminal = here.payment.channel is Channel.POS or isinstance(here.payment.slip, TerminalSlip)
    if here.stage is Stage.CONFIRM and here.payment.channel is Channel.COUNTER:
        return await counter.taking(request, here)
    if here.stage in (Stage.CONFIRM, Stage.QR) and at_terminal:
        return terminal.waiting(request, here)
    return await pay.show(request)


async def result(request: Request) -> Response:
    here = await visit(request)
    if here.stage is Stage.DONE and isinstance(here.payment.slip, TerminalSlip):
        return terminal.slip(request, here)
    if here.stage is Stage.DONE and isinstance(here.payment.slip, TellerSlip):
        return await counter.slip(request, here)
    return await pay.result(request)


async def confirm(request: Request) -> Response:
    """The teller has the money, or the terminal the card."""
    here, form = await visit(request), await posted(request)
    if here.stage is not Stage.CONFIRM:
        return see(here.url)
    if here.payment.channel is Channel.COUNTER:
        return await counter.take(here, form)
    return await terminal.insert(here, form)
