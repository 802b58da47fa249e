"""A job whose hosts come and go, one by one or by a host that cannot train; and how it is stopped."""

import re

import pytest

from lenet.run import checkpoint
from tests.support.elastic_jobs import GATE, HOSTS, KEPT, assert_whole, stopped_at_gate

pytestmark = pytest.mark.slow


def test_hosts_come_and_go(start_elastic):
    """From 2 to 4 to 2."""
    job = start_elastic(2, "--epochs", 2)
    job.gate(20, "follow")
    job.gate(40, "follow")
    job.at_gate(20, 2)
    root_host = next(host for host in HOSTS[:2] if job.worker(host).pid == job.root())
    job.set_hosts(*HOSTS)
    job.at_gate(40, 4)
    stays = next(host for host in HOSTS[:2] if host != root_host)
    job.set_hosts(stays, HOSTS[2])
    outcome = assert_whole(job, processes=2, epochs=2)
    assert "Aborted" not in outcome.text
    assert "seen again" not in outcome.text
    assert outcome.text.count("this host is no longer one of the job's") == 2
    sizes = [int(size) for size in re.findall(r"processes: (\d+)", outcome.text)]
    assert sizes == [2, 4, 2]


def test_hosts_that_come_while_processes_start_again_are_not_missed(start_elastic):
    harm = [("start", host, "wait") for host in HOSTS[:3]]
    job = start_elastic(2, harm=harm)
    job.gate(20, "follow")
    job.gate(1000)
    job.at_gate(20, 2)
    (job.gates / "lost").touch()
    job.set_hosts(*HOSTS[:3])
    job.at_gate(1000, 3)  # the processes of the world of three
    job.set_hosts(*HOSTS)
    job.wait_for_discovery()
    job.open(1000)
    assert_whole(job, processes=4)


def test_a_host_that_cannot_train_is_left_out(start_elastic):
    """It has no data: the run goes on without it, and the bad host says what it lacks."""
    job = start_elastic(3, harm=[("options", HOSTS[3], "--data-dir no/such/folder")])
    job.gate(GATE, "follow")
    job.at_gate(GATE, 3)
    job.set_hosts(*HOSTS)
    outcome = assert_whole(job, processes=3)
    assert "no/such/folder" in outcome.text


def test_asked_to_stop_while_it_trains(start_elastic):
    """The launcher gets SIGTERM, and hands it to the agents, which hand it to their processes."""
    job = start_elastic(2)
    job.gate(GATE)
    job.at_gate(GATE, 2)
    job.process.terminate()
    job.open(GATE)
    outcome = job.wait()
    assert outcome.code != 0  # horovodrun's 1 for 143
    last = checkpoint.newest(job.folder, print).progress.step
    assert last >= GATE
    assert f"Stopped after step {last};" in outcome.text


def test_asked_to_stop_during_the_recovery(start_elastic):
    """What was kept is on the disk by then."""
    job = stopped_at_gate(start_elastic, 3, harm=[("set-up", HOSTS[1], "wait")])
    (job.gates / "lost").touch()
    job.gate(1000)
    job.worker(HOSTS[0]).kill()
    job.open(GATE)
    job.at_gate(1000, 1)
    job.process.terminate()
    outcome = job.wait()
    assert outcome.code != 0
    assert checkpoint.newest(job.folder, print).progress.step == KEPT
