"""VietinBank's confirmation of a scanned code: the partner answers it as it answers for its wallet."""

from tests.samples.vietinbank_wallet import answer

__all__ = ["answer"]
