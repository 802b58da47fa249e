"""A few random kills; `python tests/benchmarks/soak.py` does fifty."""

import pytest

from tests.benchmarks import soak


@pytest.mark.slow
def test_three_random_kills_change_no_bit(capsys):
    soak.main(["--kills", "3"])
    assert "\n3 kills in " in capsys.readouterr().out
