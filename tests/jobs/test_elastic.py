"""A job whose processes are killed, and whose hosts come and go, trains on and ends like one left in peace."""

import os
import re
import shutil
import signal
import subprocess

import pytest

from lenet.run import checkpoint
from tests.support import datasets, run_jobs
from tests.support.elastic_jobs import BATCH, HOSTS, IMAGES, ElasticJob
from tests.support.run_jobs import gloo, losses, records, train

KEPT, GATE = 20, 30  # the step before the gate that is kept in memory, and the gate's


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set of 600 training and 20 validation images."""
    return datasets.write(tmp_path_factory.mktemp("data"), train=IMAGES, validation=20)


@pytest.fixture
def start(data, tmp_path):
    """A function that starts an ElasticJob; it ends with the test."""
    jobs = []

    def begin(hosts, *options, **settings):
        words = options or ("--epochs", 1)
        jobs.append(ElasticJob(tmp_path / f"run-{len(jobs)}", data, hosts, *words, **settings))
        return jobs[-1]

    yield begin
    for job in jobs:
        job.__exit__()


def stopped_at_gate(start, hosts, *options, **settings):
    """A job whose processes all wait before the step after GATE; and the processes."""
    job = start(hosts, *options, **settings)
    job.gate(GATE)
    return job, job.at_gate(GATE, hosts)


def assert_whole(job, epochs=1):
    """The job ended well and every image was taken exactly once an epoch by the steps that count."""
    outcome = job.wait()
    assert outcome.code == 0, outcome.text
    for epoch in range(epochs):
        taken = sorted(image for rows in job.rows(epoch).values() for image in rows)
        assert taken == list(range(IMAGES)), f"epoch {epoch}"
    steps = [record["step"] for record in records(job.folder, "step")]
    assert steps == list(range(1, len(steps) + 1))
    assert [record["epoch"] for record in records(job.folder, "epoch")] == list(range(epochs))
    assert (job.folder / "trained_LeNet5.params").exists()
    return outcome


def assert_seen_again(job, outcome):
    """The job went on from KEPT, and said how many images it had taken since."""
    assert job.taken_twice() > (GATE - KEPT) * BATCH
    assert f"{job.taken_twice()} images of epoch 0 are seen again" in outcome.text
    assert outcome.text.count(f"Continuing after step {KEPT}, in epoch 0") == 1


@pytest.mark.slow
@pytest.mark.parametrize("lost_rank", ["rank 0", "another"])
def test_one_of_three_is_killed(start, lost_rank):
    job, processes = stopped_at_gate(start, 3)
    root = job.root()
    os.kill(root if lost_rank == "rank 0" else next(each for each in processes if each != root), signal.SIGKILL)
    job.open(GATE)
    outcome = assert_whole(job)
    assert_seen_again(job, outcome)
    assert outcome.text.count(" is lost; now rank ") == 2
    assert records(job.folder, "epoch")[0]["processes"] == 2


@pytest.mark.slow
def test_two_of_four_are_killed_at_once(start):
    job, processes = stopped_at_gate(start, 4)
    for process in processes[:2]:
        os.kill(process, signal.SIGKILL)
    job.open(GATE)
    assert_seen_again(job, assert_whole(job))
    assert records(job.folder, "epoch")[0]["processes"] == 2


MOMENTS = {
    "place": "from distributed.elastic import reexec as module; name = 'take_place'",
    "start": "from horovod.common import basics; module, name = basics.HorovodBasics, 'init'",
    "lifeline": "from distributed import horovod_world as module; name = 'FailureDetector'",
    "set-up": "from lenet import resume as module; name = 'resume'",
}
IN_A_RECOVERY = """
def harm(*arguments, work=getattr(module, name), **more):
    if os.environ["HOROVOD_HOSTNAME"] == "HOST" and (gates / "lost").exists():
        HARM
    return work(*arguments, **more)
setattr(module, name, harm)
"""


def in_a_recovery(moment, host, harm="os.kill(os.getpid(), 9)"):
    """The code that does `harm` to the rank on `host` at a moment of its recovery, once the file `lost` is there."""
    return MOMENTS[moment] + IN_A_RECOVERY.replace('"HOST"', repr(host)).replace("HARM", harm)


@pytest.mark.slow
@pytest.mark.parametrize("moments", [("place", "start"), ("lifeline", "set-up")])
def test_two_more_are_killed_during_the_recovery(start, moments):
    """While the ranks that are left find their places, start Horovod, connect their lifelines, set up the run."""
    harms = [in_a_recovery(moment, host) for moment, host in zip(moments, HOSTS[1:])]
    job, _ = stopped_at_gate(start, 4, min_np=1, TEST_HARM="".join(harms))
    (job.gates / "lost").touch()
    job.worker(HOSTS[0]).kill()
    job.open(GATE)
    assert_seen_again(job, assert_whole(job))
    assert records(job.folder, "epoch")[0]["processes"] == 1


@pytest.mark.slow
def test_hosts_come_and_go(start, data, tmp_path):
    """From 2 to 4 to 2: what three static runs do that are resumed from each other's checkpoints."""
    job = start(2, "--epochs", 2)
    job.gate(20, "follow")
    job.gate(40, "follow")
    job.at_gate(20, 2)
    first_root = job.root()
    job.set_hosts(*HOSTS)
    job.at_gate(40, 4)
    stays = next(host for host in HOSTS[:2] if job.worker(host).pid != first_root)
    job.set_hosts(stays, HOSTS[2])
    outcome = assert_whole(job, epochs=2)
    assert "Aborted" not in outcome.text
    assert "seen again" not in outcome.text
    assert job.root() != first_root  # its host was the one that went
    sizes = [int(size) for size in re.findall(rf"images; (\d+) x {BATCH} images a step", outcome.text)]
    assert sizes == [2, 4, 2]
    ends = [int(step) for step in re.findall(r"Continuing after step (\d+),", outcome.text)]
    options = ["--data-dir", data, "--batch-size", BATCH, "--log-every", 1, "--epochs", 2]
    for size, last in zip(sizes, [*ends, max(losses(job.folder))]):
        static = train(gloo(size), tmp_path / "static", *options, "--max-steps", last)
    assert losses(job.folder) == pytest.approx(losses(static), rel=1e-4)
    rates, static_rates = (
        [record["learning_rate"] for record in records(each, "step")] for each in (job.folder, static)
    )
    assert rates == static_rates


@pytest.mark.slow
def test_below_min_np_it_waits_its_time_and_ends_with_a_checkpoint(start):
    job, processes = stopped_at_gate(start, 3, elastic_timeout=2)
    for process in processes[:2]:
        os.kill(process, signal.SIGKILL)
    job.open(GATE)
    outcome = job.wait(60)
    assert outcome.code != 0
    assert [line for line in outcome.errors if "fewer processes were left than --min-np" in line]
    assert checkpoint.newest(job.folder, print).progress.step == KEPT


@pytest.mark.slow
def test_killed_whole_it_resumes_from_the_disk_with_other_processes(start, data):
    job, _ = stopped_at_gate(start, 3, "--epochs", 1, "--checkpoint-every", 25)
    before = losses(job.folder)
    job.kill()
    job.process.wait()
    options = ["--data-dir", data, "--batch-size", BATCH, "--log-every", 1, "--epochs", 1]
    outcome = run_jobs.run(gloo(2), "train.py", "--output-dir", job.folder, *options)
    assert outcome.code == 0, outcome.text
    assert "Continuing after step 25, in epoch 0" in outcome.text
    after = losses(job.folder)
    assert {step: after[step] for step in range(1, 26)} == {step: before[step] for step in range(1, 26)}


FAILS_IN_STEP_32 = """
from lenet.training import step
step = step.Learner.step
def fail(self, world, *arguments):
    if world.reached.step == 32 and os.environ['HOROVOD_RANK'] == '0':
        raise ValueError("the program is wrong")
    return step(self, world, *arguments)
step.Learner.step = fail
"""


@pytest.mark.slow
def test_an_error_of_the_program_is_not_tried_again(start):
    """Rank 0 alone meets it, as where it cannot write a checkpoint: the next rank 0 would as well."""
    job = start(3, elastic_timeout=600, TEST_HARM=FAILS_IN_STEP_32)
    outcome = job.wait()
    assert outcome.code != 0
    assert "ValueError: the program is wrong" in outcome.text
    assert "Continuing" not in outcome.text


@pytest.mark.slow
def test_a_host_that_can_not_train_is_left_out(start):
    """It has no data: the run goes on without it, and the bad host says what it lacks."""
    harm = "if os.environ['HOROVOD_HOSTNAME'] == '127.0.0.1': sys.argv += ['--data-dir', 'no/such/folder']"
    job = start(3, TEST_HARM=harm)
    job.gate(GATE, "follow")
    job.at_gate(GATE, 3)
    job.set_hosts(*HOSTS)
    outcome = assert_whole(job)
    assert "no/such/folder" in outcome.text
    assert records(job.folder, "epoch")[0]["processes"] == 3


@pytest.mark.slow
def test_asked_to_stop_during_the_recovery(start):
    """All ranks get SIGTERM while they set up the world after a loss; each step's report tells them all."""
    job, _ = stopped_at_gate(start, 3, TEST_HARM=in_a_recovery("set-up", HOSTS[1], "wait_at(1000)"))
    (job.gates / "lost").touch()
    job.gate(1000)
    job.worker(HOSTS[0]).kill()
    job.open(GATE)
    (waiting,) = job.at_gate(1000, 1)
    for process in {waiting, job.root(), job.worker(HOSTS[2]).pid}:
        os.kill(process, signal.SIGTERM)
    job.open(1000)
    outcome = job.wait()
    assert outcome.code != 0  # horovodrun's 1 for 143
    last = checkpoint.newest(job.folder, print).progress.step
    assert KEPT < last < GATE
    assert f"Stopped after step {last};" in outcome.text


@pytest.fixture
def checkout(tmp_path):
    """A folder with what launch/elastic.sh needs, and a horovodrun that prints its words."""
    folder = tmp_path / "check out"
    shutil.copytree(run_jobs.ROOT / "launch", folder / "launch")
    (folder / ".venv/bin").mkdir(parents=True)
    for name, text in (("launch/setup.sh", "true"), (".venv/bin/horovodrun", "printf '%s\\n' \"$@\"")):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    (folder / "hosts").write_text("a:1  # the old one\n\nb.c:2\n")
    return folder


def elastic_sh(checkout, *words, **variables):
    """How launch/elastic.sh ends, started in the checkout."""
    command = [checkout / "launch/elastic.sh", *words]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_elastic_sh_starts_horovodrun_with_a_script_that_reads_the_host_file(checkout):
    limits = {"MIN_NP": "2", "MAX_NP": "3", "INTERFACE": "lo"}
    ended = elastic_sh(checkout, "hosts", "--epochs", "2", **limits)
    words = ended.stdout.splitlines()
    assert words[-4:] == ["python", "train.py", "--epochs", "2"]
    given = dict(zip(words, words[1:]))
    assert (given["-np"], given["--min-np"], given["--max-np"], given["--network-interface"]) == ("2", "2", "3", "lo")
    script = given["--host-discovery-script"]
    found = subprocess.run(script, shell=True, cwd=checkout, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["a:1", "b.c:2"]


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        ([], {}, "a host file is needed"),
        (["--epochs", "2"], {}, "a host file is needed"),
        (["none"], {}, "none: no host file"),
        (["hosts"], {"MIN_NP": "0"}, "MIN_NP is '0'"),
        (["hosts"], {"MAX_NP": "two"}, "MAX_NP is 'two'"),
        (["hosts"], {"MIN_NP": "3", "MAX_NP": "2"}, "MIN_NP is 3, but MAX_NP is 2"),
        (["broken"], {}, "'a 1' is no line name:slots"),
        (["empty"], {}, "it names no host"),
    ],
)
def test_elastic_sh_refuses_wrong_use(checkout, words, variables, said):
    (checkout / "broken").write_text("b:1\na 1\n")
    (checkout / "empty").write_text("# none yet\n")
    ended = elastic_sh(checkout, *words, **variables)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert said in ended.stderr
    assert ended.stdout == ""
