"""What a payer does at Internet Banking and in the app: log in, password, face; and the list of the test accounts.

Rule: in the hours of maintenance nothing is changed and no try is counted; the page says when they are over.
"""

from starlette.requests import Request
from starlette.responses import Response

from simulator import accounts, payer
from simulator.pages import captcha
from simulator.pages.frame import page, posted, see, world_of
from simulator.pages.pay import Visit, stepped, tries_seen, visit
from simulator.payer import Change, Problem, Stage


async def log_in(request: Request) -> Response:
    here, form = await visit(request), await posted(request)
    if here.dialect.captcha and here.stage is Stage.LOGIN:
        shown = captcha.drawn(here.world, here.payment, form)
        if not captcha.solved(shown, form.get("captcha", "")):
            return see(f"{here.url}?problem={Problem.WRONG_CAPTCHA}&picture={shown.number + 1}")
    change = payer.log_in(form.get("username", ""), form.get("password", ""), tries_seen(form))
    return await _unless_closed(here, change, Stage.LOGIN, Problem.WRONG_LOGIN)


async def give_otp(request: Request) -> Response:
    here, form = await visit(request), await posted(request)
    change = payer.give_otp(form.get("otp", ""), tries_seen(form))
    problem = Problem.EXPIRED_OTP if payer.otp_expired(here.payment, here.now) else Problem.WRONG_OTP
    return await _unless_closed(here, change, Stage.OTP, problem)


async def send_otp_again(request: Request) -> Response:
    return await _unless_closed(await visit(request), payer.send_otp_again())


async def show_face(request: Request) -> Response:
    here, form = await visit(request), await posted(request)
    return await _unless_closed(here, payer.show_face(form.get("face") == "match"))


async def list_accounts(request: Request) -> Response:
    """All test accounts of the sandbox with what they have, for testers."""
    world = await world_of(request)
    return page(request, "accounts", kept=await accounts.kept_in(world), now=await world.now(), sandbox=world)


async def _unless_closed(
    here: Visit, change: Change, waits_at: Stage | None = None, problem: Problem | None = None
) -> Response:
    """Makes the change unless the bank is closed; staying at `waits_at` means `problem`."""
    unless = {waits_at: problem} if waits_at is not None and problem is not None else {}
    if here.closed_until is not None:
        change = payer.closed_in(change, here.world.sandbox.maintenance)
        unless = dict.fromkeys((Stage.LOGIN, Stage.OTP, Stage.BIOMETRICS), Problem.MAINTENANCE)
    return await stepped(here, change, unless=unless)
