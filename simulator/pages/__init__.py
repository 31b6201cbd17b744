"""What a browser sees: the payers' pages of all banks, the bill pages, and the control room.

Rule: no build step and nothing from another server; every form works without JavaScript.
"""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from simulator.bank import UnknownPayment
from simulator.banks import dialects
from simulator.delivery import Courier
from simulator.pages import banking, bill, card, counter, frame, inbox, mobile, pay, places, room, scanner, terminal
from simulator.pages.frame import FormTooLarge, Objection
from simulator.store import StoreError, UnknownSandbox
from simulator.world import Worlds

SANDBOXES = ("", "/s/{sandbox}")
"""The default sandbox's pages stand at the root, those of others below their name, as the banks' own paths do."""


def create_pages(worlds: Worlds, courier: Courier, objection: Objection) -> Starlette:
    """The ASGI application of all pages, to be served at the root for every path that is neither a bank's own nor the
    control API's. `objection` says who may not see the control room (`Guard.objection`)."""
    app = Starlette(
        routes=routes(),
        exception_handlers={
            UnknownPayment: frame.unknown_payment,
            UnknownSandbox: frame.unknown_sandbox,
            FormTooLarge: frame.form_too_large,
            StoreError: frame.store_down,
            HTTPException: frame.not_served,
        },
    )
    app.state.office = frame.open_office(worlds, courier, objection)
    return app


def routes() -> list[BaseRoute]:
    return [
        Route("/", room.sandboxes),
        Route("/token", room.give_token, methods=["POST"]),
        Route("/room/{sandbox}", room.sandbox),
        Route("/room/{sandbox}/payments/{payment_id}", room.payment),
        Route("/room/{sandbox}/deliveries", room.deliveries),
        Route("/room/{sandbox}/journal", room.journal),
        Route("/pages/{name}", frame.asset),
        *(route for prefix in SANDBOXES for route in _of_one_sandbox(prefix)),
    ]


def _of_one_sandbox(prefix: str) -> list[BaseRoute]:
    error_pages = [dialect for dialect in dialects().values() if dialect.error_page]
    return [
        Route(f"{prefix}/pay/{{payment_id}}", places.show),
        Route(f"{prefix}/pay/{{payment_id}}/result", places.result),
        Route(f"{prefix}/pay/{{payment_id}}/phone", pay.phone),
        Route(f"{prefix}/pay/{{payment_id}}/return", pay.go_back),
        *(
            Route(f"{prefix}/pay/{{payment_id}}/{step}", act, methods=["POST"])
            for step, act in (
                ("choose", pay.choose),
                ("again", pay.choose_again),
                ("login", banking.log_in),
                ("card", card.give),
                ("challenge", card.answer_challenge),
                ("refuse", card.refuse_challenge),
                ("otp", banking.give_otp),
                ("biometrics", banking.show_face),
                ("resend", banking.send_otp_again),
                ("scan", pay.scan),
                ("late", pay.pay_late),
                ("confirm", places.confirm),
                ("qr", terminal.show_qr),
                ("void", terminal.void),
                ("late-answer", terminal.answer_late),
                ("reversal", terminal.repeat_reversal),
                ("take-back", counter.take_back),
                ("correct", counter.correct),
                ("cancel", pay.cancel),
            )
        ),
        Route(f"{prefix}/pay/{{payment_id}}/challenge", card.challenge, methods=["GET"]),
        Route(f"{prefix}/cards", card.listing),
        Route(f"{prefix}/phone", scanner.pick_up, methods=["GET"]),
        Route(f"{prefix}/phone", scanner.read_text, methods=["POST"]),
        Route(f"{prefix}/phone/picture", scanner.read_picture, methods=["POST"]),
        Route(f"{prefix}/phone/transfer", scanner.transfer, methods=["POST"]),
        Route(f"{prefix}/accounts", banking.list_accounts),
        Route(f"{prefix}/inbox", inbox.show),
        Route(f"{prefix}/inbox/sms", inbox.take_sms, methods=["POST"]),
        Route(f"{prefix}/inbox/email", inbox.take_email, methods=["POST"]),
        Route(f"{prefix}/terminal/{{bank}}", terminal.idle, methods=["GET"]),
        Route(f"{prefix}/terminal/{{bank}}", terminal.name, methods=["POST"]),
        Route(f"{prefix}/terminal/{{bank}}/batch", terminal.show_batch, methods=["GET"]),
        Route(f"{prefix}/terminal/{{bank}}/batch", terminal.close_batch, methods=["POST"]),
        Route(f"{prefix}/counter/{{bank}}", counter.window, methods=["GET"]),
        Route(f"{prefix}/counter/{{bank}}", counter.name, methods=["POST"]),
        Route(f"{prefix}/app/{{bank}}", mobile.ask, methods=["GET"]),
        Route(f"{prefix}/app/{{bank}}", mobile.look_up, methods=["POST"]),
        Route(f"{prefix}/bill/{{bank}}", bill.ask, methods=["GET"]),
        Route(f"{prefix}/bill/{{bank}}", bill.look_up, methods=["POST"]),
        *(
            Route(f"{prefix}/{dialect.code}{dialect.error_page.path}", pay.error_of(dialect))
            for dialect in error_pages
            if dialect.error_page
        ),
    ]
