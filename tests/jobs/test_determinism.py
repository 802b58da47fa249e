"""A user can ask the machine at hand whether a run repeats to the bit."""

import pytest

from tests.support.marks import slow
from tests.support.run_jobs import gloo, launch, mpirun, program, run


@pytest.fixture
def words(small, tmp_path):
    return [
        "--deterministic-check",
        "--data-dir",
        small,
        "--global-batch",
        32,
        "--shard",
        8,
        "--output-dir",
        tmp_path / "run",
    ]


@pytest.mark.parametrize("launcher", [None, slow(gloo), mpirun])
def test_it_says_so_and_writes_nothing(words, tmp_path, launcher):
    outcome = run(launch(launcher, 2), "train.py", *words)
    assert outcome.code == 0, outcome.text
    size = 2 if launcher else 1
    lines = [text for _, text in outcome.lines if text.startswith("Deterministic: 30 steps twice gave the same bits")]
    assert len(lines) == 1
    assert f"on {size} x cpu; SHA-256 " in lines[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("launcher", [None, slow(mpirun)])
def test_it_finds_what_does_not_repeat(words, tmp_path, launcher):
    outcome = run(launch(launcher, 2), *program("another_network_each_time"), *words)
    assert outcome.code == 1, outcome.text
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("not deterministic: 0.weight differs by up to ")
    assert outcome.errors[0].endswith(" after 30 steps")
    assert not (tmp_path / "run").exists()
