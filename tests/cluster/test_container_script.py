"""launch/container.sh, the image's entrypoint: a container that is asked to stop leaves the checkpoint of its ranks.

It looks for ranks among all processes that it sees, so it runs in a process namespace of its own, as in a container.
"""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import psutil
import pytest

from tests.support.marks import slow
from tests.support.run_jobs import ROOT, Job, horovodrun, mpirun, program, records, until

NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]
allowed = shutil.which("unshare") and subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0
pytestmark = pytest.mark.skipif(not allowed, reason="process namespaces are not allowed here")


def start(words: Iterable[Any], **variables: str) -> Job:
    """The Job of a command as a container runs it."""
    return Job([*NAMESPACE, ROOT / "launch/container.sh", *words], **variables)


def stop(job: Job) -> None:
    """SIGTERM to the container's first process, and to no other."""
    (first,) = psutil.Process(job.process.pid).children()
    first.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("launcher", [mpirun(2), slow(horovodrun(2))], ids=["mpirun", "horovodrun"])
def test_stop_leaves_a_checkpoint(options, tmp_path, launcher):
    words = [*options, "--output-dir", tmp_path / "run", "--epochs", 10_000, "--checkpoint-every", 1_000_000]
    with start([*launcher, sys.executable, "train.py", *words]) as job:
        until(lambda: records(tmp_path / "run", "step"))
        stop(job)
        outcome = job.wait()
    assert outcome.code == 143, outcome.text
    assert "Stopped after step" in outcome.text
    assert list((tmp_path / "run/checkpoints").glob("step-*"))


def test_a_worker_lets_its_rank_end(tmp_path):
    """Where sshd is the command, as in a worker of an MPIJob: it goes on until the rank has had its time."""
    sshd = tmp_path / "sshd"
    sshd.write_text('#!/bin/sh\nOMPI_COMM_WORLD_RANK=1 "$@" &\nexec sleep infinity\n')
    sshd.chmod(0o755)
    with start([sshd, sys.executable, *program("slow_rank"), tmp_path]) as job:
        until((tmp_path / "listens").exists)
        stop(job)
        outcome = job.wait()
    assert outcome.code == 143, outcome.text
    assert (tmp_path / "signals").read_text() == "1"


def test_a_launcher_that_has_no_ranks_yet_is_stopped_itself(tmp_path):
    sshd = tmp_path / "sshd"
    sshd.write_text(f"#!/bin/sh\ntouch {tmp_path}/listens\nexec sleep infinity\n")
    sshd.chmod(0o755)
    with start([sshd]) as job:
        until((tmp_path / "listens").exists)
        stop(job)
        assert job.wait().code == 143


@pytest.mark.parametrize("command", ["sh", "mpirun"])
def test_exit_code_is_that_of_the_command(tmp_path, command):
    (tmp_path / "mpirun").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "mpirun").chmod(0o755)
    with start([command, "-c", "exit 7"], PATH=f"{tmp_path}:/usr/bin:/bin") as job:
        assert job.wait().code == 7


def test_the_code_that_rank_0_left_is_truer_than_a_launchers_1(tmp_path):
    (tmp_path / "horovodrun").write_text('#!/bin/sh\necho 2 >"$LENET_EXIT_CODE"\nexit 1\n')
    (tmp_path / "horovodrun").chmod(0o755)
    with start(["horovodrun"], PATH=f"{tmp_path}:/usr/bin:/bin") as job:
        assert job.wait().code == 2
