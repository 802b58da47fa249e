"""--help of every script in launch/ fits a screen, gives an example, and installs nothing."""

import pytest

from tests.support.machine import Machine
from tests.support.run_jobs import ROOT, Job

SCRIPTS = ["local.sh", "mpi.sh", "hosts.sh", "elastic.sh", "slurm.sbatch", "prove.sh", "setup.sh", "discover_hosts.sh"]


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_help_fits_a_screen_and_does_nothing(tmp_path, script, option):
    machine = Machine(tmp_path)
    before = sorted(machine.checkout.rglob("*"))
    with Job([machine.checkout / "launch" / script, option], PATH=str(machine.bin)) as job:
        outcome = job.wait()
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0].startswith("usage: ")
    assert len(lines) <= 24
    assert [line for line in lines if len(line) > 100] == []
    assert sorted(machine.checkout.rglob("*")) == before
    assert not machine.calls.exists()


def test_every_script_is_in_the_list():
    others = {"kubernetes.sh", "container.sh", "supervise.sh"}  # tested with a cluster and an image; only sourced
    assert {path.name for path in ROOT.glob("launch/*.s*")} == {*SCRIPTS, *others}
