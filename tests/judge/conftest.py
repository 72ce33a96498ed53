"""Judges are tested on the same real pictures as features."""

from tests.features.conftest import digits, one_thread

__all__ = ["digits", "one_thread"]
