"""Facts about signed results: whoever has the public key sees a single changed byte, and nobody signs by accident."""

import argparse
import stat
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from conformance import verify
from conformance.results import Verdict, encode
from tests.test_report import _finding, _results


def told(*words: str) -> int:
    parser = argparse.ArgumentParser()
    verify.add_arguments(parser)
    return verify.run(parser.parse_args(list(words)))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    assert told("--make-key", str(tmp_path / "qa.pem")) == 0
    return tmp_path / "qa.pem"


@pytest.fixture
def results(tmp_path: Path, key: Path) -> Path:
    path = tmp_path / "results.json"
    path.write_bytes(encode(_results(_finding("MONEY-01", Verdict.PASSED))))
    verify.sign(path, key)
    return path


def test_what_was_signed_is_verified_by_its_key(results: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert told(str(results), "--key", f"{key}.pub") == 0
    said = capsys.readouterr().out
    assert said.startswith("VERIFIED: ")
    assert "CONFORMANT" in said


def test_without_a_key_the_reader_is_told_to_compare_its_number(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(str(results)) == 0
    said = capsys.readouterr().out
    public = serialization.load_pem_public_key(Path(f"{key}.pub").read_bytes())
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    assert said.splitlines()[0].endswith(f"the key {verify.fingerprint(raw)}")
    assert "only its owner can tell" in said


@pytest.mark.parametrize("at", [0, 100, -2])
def test_one_changed_byte_is_seen(results: Path, key: Path, at: int, capsys: pytest.CaptureFixture[str]) -> None:
    raw = bytearray(results.read_bytes())
    raw[at] ^= 1
    results.write_bytes(raw)
    assert told(str(results), "--key", f"{key}.pub") == 1
    assert "is not what was signed" in capsys.readouterr().out


def test_another_key_does_not_pass_for_the_right_one(
    results: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told("--make-key", str(tmp_path / "other.pem"))
    verify.sign(results, tmp_path / "other.pem")
    assert told(str(results), "--key", f"{key}.pub") == 1
    assert "signed by another key" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["public_key", "signature"])
@pytest.mark.parametrize("value", ["", "AAAA", "no base64 at all"])
def test_a_signature_that_is_none_verifies_nothing(results: Path, broken: str, value: str) -> None:
    beside = results.with_name("results.json.sig")
    made = msgspec.json.decode(beside.read_bytes())
    beside.write_bytes(msgspec.json.encode(made | {broken: value}))
    assert told(str(results)) == 1


def test_what_is_missing_or_no_signature_is_told_in_a_sentence(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = results.with_name("results.json.sig")
    beside.write_text("[]")
    assert told(str(results)) == 2
    beside.unlink()
    assert told(str(results)) == 2
    assert capsys.readouterr().err.count("banksim verify: ") == 2


def test_a_key_is_its_owners_alone_and_never_written_over(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert told("--make-key", str(key)) == 2
    assert key.read_bytes() == before


def test_a_key_of_another_kind_is_refused(results: Path, tmp_path: Path) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "rsa.pem"
    path.write_bytes(
        other.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(verify.BadKey, match="no Ed25519 key"):
        verify.sign(results, path)
    results_key = tmp_path / "text.pem"
    results_key.write_text("hello")
    with pytest.raises(verify.BadKey, match="no private key"):
        verify.sign(results, results_key)
    assert told(str(results), "--key", str(results_key)) == 2
