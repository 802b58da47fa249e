"""A job whose processes and hosts are lost trains on and ends like one left in peace."""

import pytest

from lenet.run import checkpoint
from tests.support import run_jobs
from tests.support.elastic_jobs import (
    GATE,
    HOSTS,
    KEPT,
    RUN,
    assert_same_as_alone,
    assert_seen_again,
    assert_whole,
    stopped_at_gate,
)
from tests.support.run_jobs import gloo, records

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("lost_rank", ["rank 0", "another"])
def test_a_process_that_is_killed_is_replaced(start_elastic, lost_rank):
    job = stopped_at_gate(start_elastic, 3)
    worker(job, lost_rank).kill()
    job.open(GATE)
    outcome = assert_whole(job, processes=3)
    assert_seen_again(job, outcome)
    assert outcome.text.count(" is lost; starting again in another world") == 2


@pytest.mark.parametrize("lost_rank", ["rank 0", "another"])
def test_one_of_three_hosts_is_lost(start_elastic, lost_rank):
    job = stopped_at_gate(start_elastic, 3)
    worker(job, lost_rank).parent().kill()
    job.open(GATE)
    outcome = assert_whole(job, processes=2)
    assert_seen_again(job, outcome)
    assert outcome.text.count(" is lost; starting again in another world") == 2


def test_two_of_four_hosts_are_lost_at_once(start_elastic):
    job = stopped_at_gate(start_elastic, 4)
    for host in HOSTS[:2]:
        job.worker(host).parent().kill()
    job.open(GATE)
    assert_seen_again(job, assert_whole(job, processes=2))


def test_hosts_are_lost_while_the_others_find_their_places_and_start_horovod(start_elastic):
    agent = ("tests/programs/agent_killed_at_rendezvous.py", HOSTS[1])
    harm = [("start", HOSTS[2], "kill the slot")]
    lose_more_in_the_recovery(stopped_at_gate(start_elastic, 4, min_np=1, agent=agent, harm=harm))


def test_hosts_are_lost_while_the_others_connect_and_set_up_the_run(start_elastic):
    harm = [("failure detector", HOSTS[1], "kill the slot"), ("set-up", HOSTS[2], "kill the slot")]
    lose_more_in_the_recovery(stopped_at_gate(start_elastic, 4, min_np=1, harm=harm))


def lose_more_in_the_recovery(job):
    """Lose rank 0's host, and two more by the job's own harm; the fourth one ends the job."""
    (job.gates / "lost").touch()
    job.worker(HOSTS[0]).parent().kill()
    job.open(GATE)
    assert_seen_again(job, assert_whole(job, processes=1))


def test_a_host_whose_processes_die_again_and_again_is_left_out(start_elastic):
    job = stopped_at_gate(start_elastic, 3, harm=[("set-up", HOSTS[1], "kill the process")])
    (job.gates / "lost").touch()
    job.worker(HOSTS[1]).kill()
    job.open(GATE)
    outcome = assert_whole(job, processes=2)
    assert [line for line in outcome.errors if "ended by a signal 3 times in a row" in line]


def test_below_min_np_it_waits_its_time_and_ends_with_a_checkpoint(start_elastic):
    job = stopped_at_gate(start_elastic, 3, elastic_timeout=2)
    for host in HOSTS[:2]:
        job.worker(host).parent().kill()
    job.open(GATE)
    outcome = job.wait()
    assert outcome.code != 0
    assert [line for line in outcome.errors if "fewer processes were left than --min-np" in line]
    assert checkpoint.newest(job.folder, print).progress.step == KEPT


def test_killed_whole_it_resumes_from_the_disk_with_other_processes(start_elastic, elastic_data):
    job = stopped_at_gate(start_elastic, 3, "--epochs", 1, "--checkpoint-every", 25)
    job.kill()
    job.process.wait()
    options = ["--data-dir", elastic_data, *RUN, "--epochs", 1]
    outcome = run_jobs.run(gloo(2), "train.py", "--output-dir", job.folder, *options)
    assert outcome.code == 0, outcome.text
    assert "Continuing after step 25, in epoch 0" in outcome.text
    assert_same_as_alone(job)


def test_an_error_of_the_program_is_not_tried_again(start_elastic):
    """Rank 0 alone meets it, as where it cannot write a checkpoint: the next rank 0 would as well."""
    harm = [("step 33", host, "fail") for host in HOSTS[:1]]
    job = start_elastic(3, elastic_timeout=600, harm=harm)
    outcome = job.wait()
    assert outcome.code != 0
    assert "ValueError: fail" in outcome.text
    assert "Continuing" not in outcome.text
    assert records(job.folder, "step")[-1]["step"] <= 33


def worker(job, lost_rank):
    """The process of rank 0, or of another rank."""
    return next(each for each in map(job.worker, HOSTS[:3]) if (each.pid == job.root()) == (lost_rank == "rank 0"))
