"""Distorted callbacks at the sample portal, whose code shares nothing with the banks': what it believes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.bench import Bench, Visit, make_bench
from conformance.loading import load_target
from conformance.running import Run, connected, started_simulator
from conformance.target import DossierStatus
from simulator.client import Banksim, ControlError
from simulator.distortion import HARMLESS, PARTS, Distortion, unfit

PORTAL = load_target(str(Path(__file__).parent.parent / "conformance/targets/portal.toml"))

EITHER = {Distortion.OTHER_CASE_SIGNATURE}
"""Hex digits may be read in either case; what is not hex digits is wrong then."""

every_bank = pytest.mark.parametrize("code", PORTAL.banks)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    workdir = tmp_path_factory.mktemp("distortion")
    with started_simulator(workdir) as url, Banksim(url) as simulator:
        with connected(simulator, PORTAL, workdir, "d1") as run:
            yield run


def bench_at(run: Run, code: str) -> Bench:
    return make_bench(run.simulator, run.sandbox, run.target, code, PORTAL.banks[code].methods[0], "d1")


def paid_under(bench: Bench, distortion: Distortion) -> tuple[Visit, DossierStatus]:
    """A payment whose callback is distorted, and what the portal says once that one has come."""
    bench.fault(distortion)
    visit = bench.open()
    bench.pay(visit)
    bench.deliver()
    return visit, bench.status(visit).status


def fitting(code: str, distortions: set[Distortion]) -> list[Distortion]:
    return sorted(each for each in distortions if not unfit(code, each))


@every_bank
def test_a_callback_with_a_spoiled_signature_is_not_believed_and_the_true_one_settles_once(run: Run, code: str) -> None:
    for distortion in fitting(code, set(Distortion) - set(PARTS)):
        bench = bench_at(run, code)
        visit, at_first = paid_under(bench, distortion)
        assert at_first is DossierStatus.PENDING or distortion in EITHER, distortion
        bench.advance(2)
        status = bench.status(visit)
        assert (status.status, status.amount_paid_vnd) == (DossierStatus.PAID, visit.amount_vnd), distortion
        assert status.receipts == 1, distortion


@every_bank
def test_a_well_signed_callback_of_something_else_settles_nothing(run: Run, code: str) -> None:
    for distortion in fitting(code, set(PARTS) - HARMLESS):
        _, at_first = paid_under(bench_at(run, code), distortion)
        assert at_first is DossierStatus.PENDING, distortion


@every_bank
def test_more_fields_and_fewer_are_believed_where_the_signature_is_right(run: Run, code: str) -> None:
    for distortion in fitting(code, set(HARMLESS)):
        _, at_first = paid_under(bench_at(run, code), distortion)
        assert at_first is DossierStatus.PAID, distortion


@every_bank
def test_what_does_not_fit_a_bank_is_refused_with_the_reason(run: Run, code: str) -> None:
    for distortion in set(Distortion) - set(fitting(code, set(Distortion))):
        with pytest.raises(ControlError, match=f"a callback of {code}"):
            bench_at(run, code).fault(distortion)
