"""The pods of an Indexed Job meet, start together and end together, whoever comes late, is lost or fails."""

import signal
import socket
import sys
from typing import Any

import pytest

from distributed.pods import agent
from tests.support.run_jobs import Job, program, python, records, until


def pod(rank: int, size: int, port: int, *command: Any, **variables: str) -> Job:
    """A pod as a process on this machine; the variables are those of tests/programs/pod.py."""
    place = {"JOB_COMPLETION_INDEX": str(rank), "LENET_PODS": str(size), "LENET_RENDEZVOUS": f"127.0.0.1:{port}"}
    return python([], *program("pod"), *command, **place, **variables)


@pytest.fixture
def port():
    with socket.create_server(("", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def train(options, tmp_path, port):
    """Starts pod `rank` of two with train.py."""
    words = [*options, "--output-dir", tmp_path / "run"]

    def start(rank, *more):
        return pod(rank, 2, port, sys.executable, "train.py", *words, *more)

    return start


def test_late_pod_and_lost_pod(train, tmp_path):
    with train(0, "--epochs", 20) as first:
        with train(1, "--epochs", 20) as lost:
            until(lambda: len(records(tmp_path / "run", "epoch")) >= 2)
            lost.kill()
        with train(1, "--epochs", 20) as successor:
            assert successor.wait().code == 0
            outcome = first.wait()
    assert outcome.code == 0, outcome.text
    assert "Continuing after step" in outcome.text
    assert [each["epoch"] for each in records(tmp_path / "run", "epoch")] == list(range(20))


def test_bad_input_ends_all_at_once(train):
    with train(0, "--epochs", 0) as first, train(1, "--epochs", 0) as second:
        assert [first.wait().code, second.wait().code] == [2, 2]


def test_stop_while_waiting(port):
    with pod(1, 2, port, "true") as alone:
        until(lambda: handles_sigterm(alone.process.pid))
        alone.send(signal.SIGTERM)
        assert alone.wait().code == 143


def handles_sigterm(pid: int) -> bool:
    """Has the process a handler of its own for SIGTERM?"""
    with open(f"/proc/{pid}/status") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt:"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def test_patience_ends(port):
    with pod(1, 2, port, "true", TEST_CONSTANTS='{"START_SECONDS": 0.2}') as alone:
        outcome = alone.wait()
    assert outcome.code == 1
    assert outcome.errors == ["pod 1 of 2 waited 0 s for pods [0]"]


def test_a_long_wait_is_one_for_kubernetes(port):
    """Each minute, here each tenth of a second, and for longer than the Job controller's longest pause."""
    assert agent.START_SECONDS > 600
    with pod(1, 2, port, "true", TEST_CONSTANTS='{"START_SECONDS": 1, "REMINDER_SECONDS": 0.1}') as alone:
        outcome = alone.wait()
    waits = [text for _, text in outcome.lines if "waiting for Kubernetes to start pods [0], " in text]
    assert len(waits) > 1, outcome.text


def test_failing_command_is_tried_three_times(port):
    with pod(0, 1, port, "sh", "-c", "echo tried; exit 7") as alone:
        outcome = alone.wait()
    assert (outcome.code, outcome.out.count("tried")) == (7, 3)


def test_command_that_hangs_after_its_run_is_killed(port):
    """A pod that no longer answers is lost, and a command that waits for it for ever does not keep this one."""
    constants = '{"MAX_FAILURES": 1, "GRACE_SECONDS": 0.1, "SILENCE": 0.1}'
    with pod(0, 1, port, "sleep", "infinity", TEST_CONSTANTS=constants, TEST_SILENT="1") as alone:
        outcome = alone.wait()
    assert outcome.code == 137
    assert "killing it" in outcome.text


@pytest.mark.parametrize(
    ("variables", "command", "says"),
    [
        ({}, ["true"], "JOB_COMPLETION_INDEX is not set"),
        ({"JOB_COMPLETION_INDEX": "3", "LENET_PODS": "3", "LENET_RENDEZVOUS": "a:1"}, ["true"], "must be the job's"),
        (
            {"JOB_COMPLETION_INDEX": "0", "LENET_PODS": "3", "LENET_RENDEZVOUS": "a"},
            ["true"],
            "LENET_RENDEZVOUS=HOST:PORT",
        ),
        ({"JOB_COMPLETION_INDEX": "0", "LENET_PODS": "3", "LENET_RENDEZVOUS": "a:1"}, [], "a command is needed"),
    ],
)
def test_wrong_place(variables, command, says):
    with python([], "-m", "distributed.pods.agent", *command, **variables) as job:
        outcome = job.wait()
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert says in outcome.errors[0]
