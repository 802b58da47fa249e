"""The pods of an Indexed Job meet, start together and end together, whoever comes late, is lost or fails."""

import signal
import socket
import sys

import pytest

from distributed.pods import rendezvous
from distributed.pods.rendezvous import DONE, END, GO, LEAVING, OVER, RUNNING, WAIT, WAITING, Rendezvous
from tests.support.run_jobs import Job, records, until

POD = [sys.executable, "-m", "distributed.pods.agent"]


def report_all(table, state, tokens):
    return [table.report(rank, token, state)[0] for rank, token in enumerate(tokens)]


def begun(size):
    """A Rendezvous whose run is under way, and the tokens of it."""
    table, tokens = Rendezvous(size), [f"first-{rank}" for rank in range(size)]
    report_all(table, WAITING, tokens)
    assert report_all(table, WAITING, tokens) == [GO] * size
    return table, tokens


def test_run_begins_when_all_wait():
    table = Rendezvous(3)
    assert table.report(0, "a", WAITING) == (WAIT, {"missing": [1, 2]})
    assert table.report(2, "c", WAITING) == (WAIT, {"missing": [1]})
    answer, last = table.report(1, "b", WAITING)
    assert answer == GO
    others = [table.report(rank, token, WAITING) for rank, token in ((0, "a"), (2, "c"))]
    assert [answer for answer, _ in others] == [GO, GO]
    assert [each["HOROVOD_RANK"] for _, each in others] == ["0", "2"]
    assert (last["HOROVOD_RANK"], last["HOROVOD_SIZE"], last["HOROVOD_CROSS_SIZE"]) == ("1", "3", "3")
    assert {each["HOROVOD_GLOO_RENDEZVOUS_PORT"] for _, each in others} == {last["HOROVOD_GLOO_RENDEZVOUS_PORT"]}


def test_pod_that_went_away_is_not_waited_for(monkeypatch):
    table = Rendezvous(2)
    table.report(1, "b", WAITING)
    monkeypatch.setattr(rendezvous, "FRESH", -1.0)
    assert table.report(0, "a", WAITING) == (WAIT, {"missing": [0, 1]})


def test_successor_ends_run_and_begins_another():
    """The new pod does not get into the old run, and the old ones do not stay in it; the two never share a port."""
    table, tokens = begun(3)
    port = table.rendezvous_port
    assert report_all(table, RUNNING, tokens) == [WAIT] * 3
    assert table.report(1, "second-1", WAITING)[0] == WAIT
    assert table.report(0, tokens[0], RUNNING)[0] == OVER
    assert table.report(2, tokens[2], DONE)[0] == OVER
    assert table.report(0, "second-0", WAITING) == (WAIT, {"missing": [2]})
    assert table.report(2, "second-2", WAITING)[0] == GO
    assert table.rendezvous_port != port


def test_silent_pod_ends_run(monkeypatch):
    table, tokens = begun(2)
    monkeypatch.setattr(rendezvous, "SILENCE", -1.0)
    assert table.report(0, tokens[0], RUNNING)[0] == OVER


def test_all_succeed_or_none():
    table, tokens = begun(2)
    assert table.report(0, tokens[0], DONE)[0] == WAIT
    assert table.report(1, tokens[1], RUNNING)[0] == WAIT
    assert table.report(1, tokens[1], DONE)[0] == END
    assert table.report(0, "successor", WAITING)[0] == END
    assert not table.all_left.is_set()
    assert report_all(table, LEAVING, tokens) == [END, END]
    assert table.all_left.is_set()


def pod(rank, size, port, *command, change="pass"):
    """A pod as a process on this machine; `change` is code that runs before its main."""
    code = f"import sys, distributed.pods.agent as pod; pod.PERIOD = 0.05; {change}; sys.exit(pod.main(sys.argv[1:]))"
    place = {"JOB_COMPLETION_INDEX": str(rank), "LENET_PODS": str(size), "LENET_MEETING": f"127.0.0.1:{port}"}
    return Job([sys.executable, "-c", code, *command], **place)


@pytest.fixture
def port():
    with socket.create_server(("", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def train(options, tmp_path, port):
    """Starts pod `rank` of two with train.py."""
    words = [*options(2), "--output-dir", tmp_path / "run"]

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


def test_stop_while_waiting(port, tmp_path):
    with pod(1, 2, port, "true", change=f"open('{tmp_path}/begun', 'w')") as alone:
        until((tmp_path / "begun").exists)
        until(lambda: _handles_term(alone.process.pid))
        alone.send(signal.SIGTERM)
        assert alone.wait().code == 143


def _handles_term(pid):
    with open(f"/proc/{pid}/status") as status:
        caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt:"))
    return caught >> (signal.SIGTERM - 1) & 1


def test_patience_ends(port):
    with pod(1, 2, port, "true", change="pod.PATIENCE = 0.2") as alone:
        outcome = alone.wait()
    assert outcome.code == 1
    assert outcome.errors == ["pod 1 of 2 waited 0 s for pods [0], in vain"]


def test_failing_command_is_tried_three_times(port):
    with pod(0, 1, port, sys.executable, "-c", "print('tried', flush=True); exit(7)") as alone:
        outcome = alone.wait()
    assert (outcome.code, outcome.out.count("tried")) == (7, 3)


def test_command_that_hangs_after_its_run_is_killed(port):
    """A pod that no longer answers is lost, and a command that waits for it for ever does not keep this one."""
    change = "pod.FAILURES = 1; pod.GRACE = pod.SILENCE = 0.1; pod.Agent._report = _silent(pod.Agent._report)"
    silent = (
        "def _silent(report): return lambda self, token, state: "
        "report(self, token, state) if state == 'waiting' else (None, {})"
    )
    code = f"exec({silent!r}, globals()); {change}"
    with pod(0, 1, port, sys.executable, "-c", "import threading; threading.Event().wait()", change=code) as alone:
        outcome = alone.wait()
    assert outcome.code == 137
    assert "killing it" in outcome.text


@pytest.mark.parametrize(
    ("variables", "command", "says"),
    [
        ({}, ["true"], "JOB_COMPLETION_INDEX is not set"),
        ({"JOB_COMPLETION_INDEX": "3", "LENET_PODS": "3", "LENET_MEETING": "a:1"}, ["true"], "must be the job's"),
        ({"JOB_COMPLETION_INDEX": "0", "LENET_PODS": "3", "LENET_MEETING": "a"}, ["true"], "LENET_MEETING=HOST:PORT"),
        ({"JOB_COMPLETION_INDEX": "0", "LENET_PODS": "3", "LENET_MEETING": "a:1"}, [], "a command is needed"),
    ],
)
def test_wrong_place(variables, command, says):
    with Job([*POD, *command], **variables) as job:
        outcome = job.wait()
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert says in outcome.errors[0]
