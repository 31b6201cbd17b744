"""The data that everybody relies on is whole, consistent, sourced, and names nobody real."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fixtures.people import MOBILE_PREFIXES, people
from simulator.cards import CardScheme, luhn_holds, scheme_of
from simulator.payment import Outcome
from tests.sources import SOURCES

FIXTURES = Path(__file__).parents[1] / "fixtures"

# The forms that the circular of 2018 and the decision of 2020 prescribe.
DOSSIER = re.compile(r"(?:\d{3}\.\d{2}\.\d{2}\.[A-Y]\d{2}|[A-Y]\d{2}(?:\.[0-9A-Z]+)*)-\d{6}-\d{4,7}", re.ASCII)
BEFORE_2020 = re.compile(r"\d{3}\.\d{2}\.\d{2}\.H\d{2}-\d{6}-\d{4}", re.ASCII)
SINCE_2020 = re.compile(r"H\d{2}(?:\.\d{1,2}){0,3}-\d{6}-\d{4}", re.ASCII)


def table(name: str, key: str) -> list[dict[str, Any]]:
    rows = tomllib.loads((FIXTURES / f"{name}.toml").read_text(encoding="utf-8"))[key]
    assert rows
    return rows


BANKS = table("banks", "bank")
ACCOUNTS = table("accounts", "account")
CARDS = table("cards", "card")
OTPS = table("otps", "otp")
SERVICES = table("services", "service")


@pytest.mark.parametrize("key", SOURCES)
def test_a_source_says_what_it_is_and_how_far_it_is_trusted(key: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", key)
    assert SOURCES[key].keys() == {"title", "where", "confidence"}
    assert SOURCES[key]["confidence"] in {"documented", "public code", "assumption"}
    assert SOURCES[key]["title"]
    assert SOURCES[key]["where"]


@pytest.mark.parametrize("rows", [BANKS, CARDS, OTPS, SERVICES], ids=["banks", "cards", "otps", "services"])
def test_every_fact_names_its_source_or_says_that_it_is_assumed(rows: list[dict[str, Any]]) -> None:
    assert not [row for row in rows if row["source"] not in SOURCES and row["source"] != "assumed"]


@pytest.mark.parametrize(
    ("rows", "key"),
    [(BANKS, "bin"), (BANKS, "code"), (BANKS, "name"), (ACCOUNTS, "username"), (ACCOUNTS, "number"),
     (CARDS, "number"), (OTPS, "otp"), (OTPS, "outcome"), (SERVICES, "code")],
)  # fmt: skip
def test_nothing_is_listed_twice(rows: list[dict[str, Any]], key: str) -> None:
    values = [row[key] for row in rows]
    assert len(values) == len(set(values))


def test_banks_have_a_number_a_code_and_a_name() -> None:
    for bank in BANKS:
        assert re.fullmatch(r"\d{6}", bank["bin"], re.ASCII)
        assert re.fullmatch(r"[A-Z0-9]{2,20}", bank["code"])
        assert re.fullmatch(r"([A-Z]{6}[A-Z0-9]{2})?", bank["swift"])
    numbers = {bank["code"]: bank["bin"] for bank in BANKS}
    assert numbers["VIETINBANK"] == "970415"
    assert numbers["VIETCOMBANK"] == "970436"
    assert numbers["BIDV"] == "970418"
    assert numbers["AGRIBANK"] == "970405"
    assert len(BANKS) == 65


def test_twelve_banks_are_offered_first() -> None:
    assert sum(bank["popular"] and bank["online"] for bank in BANKS) == 12


def test_accounts_reach_every_way_a_payer_can_fail() -> None:
    assert {account["password"] for account in ACCOUNTS} == {"banksim"}
    assert {account["otp"] for account in ACCOUNTS} == {"123456"}
    reached = {Outcome(account["outcome"]) for account in ACCOUNTS}
    by_payer_or_time = {
        Outcome.CANCELLED,
        Outcome.TIMED_OUT,
        Outcome.WRONG_OTP,
        Outcome.WRONG_PASSWORD,
        Outcome.WRONG_DETAILS,
    }
    assert reached | by_payer_or_time == set(Outcome)


@pytest.mark.parametrize(
    ("username", "outcome"),
    [
        ("nguyenvana", "success"),
        ("hetsodu", "insufficient_funds"),
        ("bikhoa", "account_locked"),
        ("chuadangky", "not_registered"),
        ("vuothanmuc", "over_limit"),
        ("baotri", "maintenance"),
        ("nghingo", "suspected_fraud"),
    ],
)
def test_a_test_account_has_its_outcome(username: str, outcome: str) -> None:
    assert next(row["outcome"] for row in ACCOUNTS if row["username"] == username) == outcome


@pytest.mark.parametrize("row", [*ACCOUNTS, *CARDS], ids=lambda row: str(row.get("username", row["number"])))
def test_an_outcome_is_one_of_the_houses_and_comes_at_a_known_step(row: dict[str, Any]) -> None:
    assert Outcome(row["outcome"])
    assert row["decided_at"] in {"login", "otp"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card["number"])
def test_a_card_has_a_scheme_a_check_digit_and_a_date(card: dict[str, Any]) -> None:
    scheme = scheme_of(card["number"])
    assert scheme
    assert luhn_holds(card["number"]) or card["source"].startswith("napas-"), "NAPAS's own examples break Luhn's rule"
    assert bool(re.fullmatch(r"\d{3,4}", card.get("cvc", ""), re.ASCII)) == (scheme is not CardScheme.NAPAS)
    assert ("three_ds" in card) == (scheme is not CardScheme.NAPAS)
    assert re.fullmatch(r"(0[1-9]|1[0-2])/\d\d", card["date"], re.ASCII)
    assert card["otp"] or card["decided_at"] == "login"


BY_PAYER = {Outcome.CANCELLED, Outcome.WRONG_DETAILS, Outcome.WRONG_PASSWORD}
"""What only a payer's own typing brings about."""


def test_own_cards_and_passwords_reach_every_outcome_and_lie_in_ranges_of_published_cards() -> None:
    own = [card for card in CARDS if card["source"] == "assumed"]
    published = {card["number"][:6] for card in CARDS if card["source"] != "assumed"}
    assert {card["number"][:6] for card in own} <= published
    for domestic in (True, False):
        reached = {Outcome(card["outcome"]) for card in own if card["number"].startswith("9704") is domestic}
        assert reached | BY_PAYER | {Outcome.WRONG_OTP} == set(Outcome)
    assert {Outcome(row["outcome"]) for row in OTPS} | BY_PAYER == set(Outcome)
    assert all(re.fullmatch(r"9000\d\d", row["otp"], re.ASCII) for row in OTPS)


@pytest.mark.parametrize("province", ["H49", "H17"])
def test_both_provinces_have_services_of_several_offices(province: str) -> None:
    own = [service for service in SERVICES if service["province"] == province]
    assert len(own) >= 12
    assert len({service["agency"] for service in own}) >= 5
    kinds = {service["name"] for service in SERVICES}
    assert len(kinds) >= 46, "the kinds of service that the two provinces collect fees for"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service["code"])
def test_a_service_has_a_fee_a_name_in_two_languages_and_a_procedure_code_if_known(service: dict[str, Any]) -> None:
    assert service["fee_vnd"] > 0
    assert service["fee_vnd"] % 1000 == 0
    assert service["name"]
    assert service["name_en"].isascii()
    assert service["code"].startswith(service["province"] + "-")
    assert re.fullmatch(r"(\d\.\d{6})?", service["procedure_code"])
    assert bool(service["procedure_code"]) == bool(service["procedure_source"])
    assert service["procedure_source"] in {"", "assumed", *SOURCES}


def test_the_same_seed_gives_the_same_people_and_another_seed_others() -> None:
    first, again, other = people(7), people(7), people(8)
    drawn = [(fake.applicant(), fake.dossier_code(), fake.applicant("H17")) for fake in (first, again, other)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_dossier_codes_have_the_two_lawful_orders() -> None:
    fake = people(1)
    for _ in range(200):
        assert BEFORE_2020.fullmatch(fake.dossier_code_before_2020())
        assert SINCE_2020.fullmatch(fake.dossier_code_since_2020())
        assert DOSSIER.fullmatch(fake.dossier_code())
    drawn = [fake.dossier_code() for _ in range(100)]
    assert any(BEFORE_2020.fullmatch(code) for code in drawn)
    assert any(SINCE_2020.fullmatch(code) for code in drawn)
    assert fake.dossier_code_since_2020("H49", date(2026, 10, 8)).startswith("H49")
    assert "-261008-" in fake.dossier_code("H49", date(2026, 10, 8))


def test_citizens_and_their_numbers_cannot_exist() -> None:
    fake = people(2)
    for _ in range(200):
        citizen_id = fake.citizen_id()
        assert re.fullmatch(r"(022|048)[89]\d{8}", citizen_id, re.ASCII), "born after 2300"
        assert re.fullmatch(r"1000\d{8}", fake.account_number(), re.ASCII)
    assert fake.citizen_id("H49").startswith("022")
    assert fake.citizen_id("H17").startswith("048")


def test_mobile_numbers_have_ten_digits_and_an_operators_prefix() -> None:
    fake = people(3)
    drawn = [fake.mobile() for _ in range(500)]
    assert all(re.fullmatch(r"0\d{9}", number, re.ASCII) for number in drawn)
    assert {number[:3] for number in drawn} <= set(MOBILE_PREFIXES)
    assert len({number[:3] for number in drawn}) > 20


def test_names_are_vietnamese() -> None:
    fake = people(4)
    assert any(not fake.applicant().name.isascii() for _ in range(20))
