"""The public services of two provinces and their fees, read from data."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

PROVINCES = {"H49": ("Quảng Ninh", "Quang Ninh"), "H17": ("Đà Nẵng", "Da Nang")}
"""Province code: its name in Vietnamese and in English. The order is that of the pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    code: str
    procedure_code: str
    name: str
    name_en: str
    agency: str
    province: str
    fee_vnd: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All services by code, in the file's order."""

    services: dict[str, Service]

    def of_province(self, province: str) -> list[Service]:
        return [service for service in self.services.values() if service.province == province]

    def default(self, province: str) -> Service:
        """The province's first service, for a dossier that names none."""
        return self.of_province(province)[0]


def shipped() -> Catalogue:
    """The services of fixtures/services.toml."""
    return load(files("fixtures").joinpath("services.toml"))


def load(source: Traversable) -> Catalogue:
    """Raises ValueError with a sentence when the file lacks a province."""
    tables = tomllib.loads(source.read_text(encoding="utf-8"))["service"]
    found = {table["code"]: _service(table) for table in tables if table["province"] in PROVINCES}
    catalogue = Catalogue(found)
    for province in PROVINCES:
        if not catalogue.of_province(province):
            raise ValueError(f"{source} has no service of province {province}")
    return catalogue


def _service(table: dict[str, object]) -> Service:
    fee = table["fee_vnd"]
    if not isinstance(fee, int):
        raise ValueError(f"fee_vnd of service {table['code']} is {fee!r}, not a whole number")
    words = {name: str(table[name]) for name in ("code", "procedure_code", "name", "name_en", "agency", "province")}
    return Service(**words, fee_vnd=fee)
