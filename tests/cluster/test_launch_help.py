"""--help of every script in launch/ fits a screen, gives an example, and installs nothing."""

import pytest

from tests.support.machine import Machine
from tests.support.run_jobs import ROOT, Job

OTHERS = ("kubernetes.sh", "container.sh", "supervise.sh")  # tested with a cluster and an image; only sourced
SCRIPTS = sorted(path.name for path in ROOT.glob("launch/*.s*") if path.name not in OTHERS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_fits_a_screen_and_does_nothing(tmp_path, script):
    machine = Machine(tmp_path)
    before = sorted(machine.checkout.rglob("*"))
    with Job([machine.checkout / "launch" / script, "--help"], PATH=str(machine.bin)) as job:
        outcome = job.wait()
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0].startswith("usage: ")
    assert len(lines) <= 24
    assert [line for line in lines if len(line) > 100] == []
    assert sorted(machine.checkout.rglob("*")) == before
    assert not machine.calls.exists()
