"""--fp16-allreduce: half floats hold 6e-8 to 65504; what they carry between real processes must survive that."""

import json

import pytest

from tests.support import run_jobs
from tests.support.marks import slow
from tests.support.run_jobs import gloo, losses, mpirun, train

# Sums gradients of every size, and a report, with floats and with half floats; prints what rank 0 gets.
SUMS = """
import json
from distributed import connect
world = connect()
import numpy as np
from mxnet import nd
rng = np.random.RandomState(world.rank)
sizes = 10.0 ** np.arange(-6, 3)  # of a mean gradient; one of 100 is of a run that is already lost
own = rng.uniform(0.5, 1, (9, 1000)) * rng.choice([-1, 1], 1000) * sizes[:, None]
sums = []
for fp16 in (False, True):
    gradients, report = [nd.array(row) for row in own], nd.array([70000.25, 1e6, 4096, 0, 1])
    world.sum_gradients(gradients, report, fp16=fp16)
    sums.append([[gradient.asnumpy().tolist() for gradient in gradients], report.asnumpy().tolist()])
if world.is_root:
    print("SUMS", json.dumps(sums), flush=True)
world.close()
"""


@pytest.mark.parametrize("launcher", [gloo, slow(mpirun)])
def test_sums_of_half_floats_are_near_those_of_floats(launcher):
    outcome = run_jobs.run(launcher(2), "-c", SUMS)
    assert outcome.code == 0, outcome.text
    text = next(text for _, text in outcome.lines if text.startswith("SUMS "))
    (exact, exact_report), (near, near_report) = json.loads(text[len("SUMS ") :])
    for power, (expected, found) in enumerate(zip(exact, near), start=-6):
        largest = 10.0**power
        assert found == pytest.approx(expected, rel=0, abs=2e-3 * largest)
    assert near_report == exact_report == [140000.5, 2e6, 8192, 0, 2]


def test_a_run_with_half_floats_goes_nearly_the_same_way(finished, options, tmp_path):
    folder = train(gloo(2), tmp_path / "run", *options(2), "--fp16-allreduce")
    assert losses(folder) == pytest.approx(losses(finished(gloo, 2)), rel=0.02)
    assert losses(folder) != losses(finished(gloo, 2))
