"""--exchange float16: half floats hold 6e-8 to 65504; what they carry between real processes must survive that."""

import json

import pytest

from tests.support import run_jobs
from tests.support.marks import slow
from tests.support.run_jobs import gloo, losses, mpirun, program, train


@pytest.mark.parametrize("launcher", [gloo, slow(mpirun)])
def test_sums_of_half_floats_are_near_those_of_floats(launcher):
    outcome = run_jobs.run(launcher(2), *program("half_float_sums"))
    assert outcome.code == 0, outcome.text
    text = next(text for _, text in outcome.lines if text.startswith("SUMS "))
    exact, near = json.loads(text[len("SUMS ") :])
    for power, (expected, found) in enumerate(zip(exact, near), start=-6):
        largest = 10.0**power
        assert found == pytest.approx(expected, rel=0, abs=2e-3 * largest)


def test_a_run_with_half_floats_goes_nearly_the_same_way(finished, options, tmp_path):
    folder = train(mpirun(2), tmp_path / "run", *options, "--exchange", "float16")
    assert losses(folder) == pytest.approx(losses(finished(mpirun, 2)), rel=0.02)
    assert losses(folder) != losses(finished(mpirun, 2))
