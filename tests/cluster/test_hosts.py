"""Two hosts with addresses of their own compute what one does, and a job goes on after one of them was cut off."""

import pytest

from tests.support import checkout, hosts, run_jobs
from tests.support.run_jobs import ROOT, Job, until
from tests.support.same_runs import assert_same_run

needs_hosts = pytest.mark.skipif(hosts.why_not() is not None, reason=hosts.why_not() or "")
# How each script is told of two processes on each of two hosts, and what it says when one is lost. Horovod's Gloo has
# train.py's watchdog for that, mpirun its daemons' connections, here with less patience than the script has.
SCRIPTS = {
    "hosts.sh": (["-H", "alpha:2,beta:2"], ["--stall-timeout", 10], {}, "no progress for 10 s"),
    "mpi.sh": (
        ["--hostfile", "launch/hostfile"],
        ["--stall-timeout", 100],
        {"OMPI_MCA_oob_tcp_keepalive_time": "4", "OMPI_MCA_oob_tcp_keepalive_intvl": "2"},
        "lost communication with a remote daemon",
    ),
}


@pytest.fixture(params=SCRIPTS)
def start(request, tmp_path_factory):
    """A function for the Job of a launch script on a host, with options of train.py, and what a loss reads like."""
    words, more, variables, loss = SCRIPTS[request.param]
    script = checkout.write(tmp_path_factory.mktemp("root")) / "launch" / request.param
    (script.parent / "hostfile").write_text("# two hosts\nalpha slots=2\nbeta slots=2\n")
    return lambda host, *options: Job(host.command(script, *words, *options, *more), **variables), loss


@pytest.mark.slow
@needs_hosts
def test_two_hosts_compute_what_one_does(start, options, finished, tmp_path):
    job, _ = start
    with (
        hosts.running(tmp_path / "hosts") as (alpha, _),
        job(alpha, *options, "--output-dir", tmp_path / "run") as job,
    ):
        outcome = job.wait()
    assert outcome.code == 0, outcome.text
    assert run_jobs.records(tmp_path / "run", "epoch")[0]["processes"] == 4
    assert_same_run(tmp_path / "run", finished())


@pytest.mark.slow
@needs_hosts
def test_a_job_ends_when_a_host_is_cut_off_and_goes_on_from_its_checkpoint(start, options, tmp_path):
    job, loss = start
    words = [*options, "--output-dir", tmp_path / "run", "--epochs", 10_000]
    with hosts.running(tmp_path / "hosts") as (alpha, beta):
        with job(alpha, *words) as first:
            until((tmp_path / "run/checkpoints/step-00000003").exists)
            beta.cut_off()
            outcome = first.wait()
            assert outcome.code != 0
            assert loss in outcome.text
            until(lambda: not first.processes())  # those of the lost host end by themselves
        beta.plug_in()
        last = max(run_jobs.losses(tmp_path / "run")) + 6
        with job(alpha, *words, "--max-steps", last) as second:
            outcome = second.wait()
    assert outcome.code == 0, outcome.text
    assert "Continuing after step" in outcome.text
    assert list(run_jobs.losses(tmp_path / "run")) == list(range(1, last + 1))


@pytest.mark.parametrize(
    "words",
    [[], ["--epochs", "1"], ["-H"], ["-H", "a"], ["-H", "a:0"], ["-H", "a:2,"], ["-H", "a:2 b:2"], ["-H", "-oX=y:2"]],
    ids=" ".join,
)
def test_wrong_use_is_one_line(words):
    with Job([ROOT / "launch/hosts.sh", *words]) as job:
        outcome = job.wait()
    assert (outcome.code, len(outcome.lines), len(outcome.errors)) == (2, 1, 1)
    assert "-H a:2,b:2" in outcome.errors[0]
