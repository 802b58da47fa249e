"""Marks for the cases of a test."""

import pytest
from _pytest.mark import ParameterSet


def slow(*given: object) -> ParameterSet:
    """A case for the slow tests: it differs little from its neighbours."""
    return pytest.param(*given, marks=pytest.mark.slow)
