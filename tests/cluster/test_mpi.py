"""launch/mpi.sh: what it asks of mpirun, and of its user. That it trains on several hosts is in test_hosts.py."""

import pytest

from tests.support import checkout
from tests.support.run_jobs import ROOT, Job


@pytest.fixture
def told(tmp_path):
    """A function: the lines with which a mpirun that only tells how it was called answers mpi.sh."""
    script = checkout.write(tmp_path) / "launch/mpi.sh"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mpirun").symlink_to(ROOT / "tests/programs/fake_mpirun.sh")

    def run(*words, user=1000, **variables):
        (tmp_path / "bin/id").write_text(f"#!/bin/sh\necho {user}\n")
        (tmp_path / "bin/id").chmod(0o755)
        path = f"{tmp_path / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
        with Job([script, *words], **{"PATH": path, **variables}) as job:
            outcome = job.wait()
        assert outcome.code == 0, outcome.text
        return outcome.out.splitlines()

    return run


def test_options_go_to_train_py(told, tmp_path):
    (tmp_path / "hosts").write_text("a slots=2\n")
    command, *_ = told("--hostfile", tmp_path / "hosts", "--epochs", "2", "--output-dir", "my run")
    assert f"--hostfile {tmp_path / 'hosts'}" in command
    assert command.endswith("python train.py --epochs 2 --output-dir my run")


@pytest.mark.parametrize("user", [0, 1000])
def test_root_alone_is_allowed_to_be_root(told, user):
    command, *_ = told(SLURM_JOB_ID="7", user=user)
    assert ("--allow-run-as-root" in command.split()) == (user == 0)


def test_an_allocation_needs_no_host_file(told):
    command, *_ = told("--epochs", "2", SLURM_JOB_ID="7")
    assert "--hostfile" not in command
    assert command.endswith("python train.py --epochs 2")


def test_settings_of_the_user_win(told):
    _, *ours = told(SLURM_JOB_ID="7")
    _, *settings = told(SLURM_JOB_ID="7", OMPI_MCA_pml="ucx", OMPI_MCA_btl_tcp_if_include="eth1")
    assert {"OMPI_MCA_pml=ob1", "OMPI_MCA_btl_tcp_if_exclude=lo,docker0,virbr0"} <= set(ours)
    assert {"OMPI_MCA_pml=ucx", "OMPI_MCA_btl_tcp_if_include=eth1"} <= set(settings)
    assert not any(setting.startswith("OMPI_MCA_btl_tcp_if_exclude=") for setting in settings)
    assert "OMPI_MCA_oob_tcp_if_exclude=lo,docker0,virbr0" in settings


@pytest.mark.parametrize(
    "words", [[], ["--epochs", "1"], ["--hostfile"], ["--hostfile", "no/such"], ["--hostfile", "/"]]
)
def test_wrong_use_is_one_line(words):
    assert_one_line(words, "--hostfile")


def test_a_host_file_without_hosts_is_refused(tmp_path):
    (tmp_path / "hosts").write_text("# a slots=2\n\n")
    assert_one_line(["--hostfile", tmp_path / "hosts"], str(tmp_path / "hosts"))


def assert_one_line(words: list[object], names: str) -> None:
    with Job([ROOT / "launch/mpi.sh", *words]) as job:
        outcome = job.wait()
    assert (outcome.code, len(outcome.lines), len(outcome.errors)) == (2, 1, 1)
    assert names in outcome.errors[0]
