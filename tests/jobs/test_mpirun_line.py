"""The line for mpirun in launch/README.md works as it stands, on a machine with fewer than four cores and for root."""

import os
import re
import shlex

import pytest

from tests.support.run_jobs import ROOT, Job, records

[LINE] = re.findall(r"^    (mpirun .*)$", (ROOT / "launch/README.md").read_text(), re.MULTILINE)


def test_the_line_starts_four_processes(options, tmp_path):
    with Job([*shlex.split(LINE), *options, "--epochs", 1, "--output-dir", tmp_path / "run"]) as job:
        outcome = job.wait()
    assert outcome.code == 0, outcome.text
    assert records(tmp_path / "run", "epoch")[0]["processes"] == 4


@pytest.mark.parametrize(
    "option",
    [
        pytest.param(
            "--oversubscribe",
            marks=pytest.mark.skipif(len(os.sched_getaffinity(0)) >= 4, reason="four cores: mpirun needs no option"),
        ),
        pytest.param(
            "--allow-run-as-root", marks=pytest.mark.skipif(os.getuid() != 0, reason="not root: mpirun needs no option")
        ),
    ],
)
def test_without_the_option_mpirun_refuses(option):
    with Job([word for word in shlex.split(LINE) if word != option]) as job:
        outcome = job.wait()
    assert outcome.code != 0
    assert option in outcome.text or "not enough slots" in outcome.text
