"""Marks for the cases of a test."""

import pytest


def slow(*given):
    """A case for the slow tests: it differs little from its neighbours."""
    return pytest.param(*given, marks=pytest.mark.slow)
