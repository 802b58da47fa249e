"""Each script of launch/ ends with train.py's code, whatever its launcher makes of it. Slurm's is in test_slurm.py."""

import signal
import sys

import pytest

from tests.support import launch_scripts
from tests.support.endless_runs import ENDLESS, assert_whole, ended, ranks
from tests.support.marks import slow
from tests.support.run_jobs import Job, program, records, until

SCRIPTS = ["local.sh", *map(slow, ["mpi.sh", "hosts.sh", "elastic.sh"])]
STATIC = SCRIPTS[:-1]  # an elastic job replaces a process that is lost


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return launch_scripts.write_checkout(tmp_path_factory.mktemp("root"))


@pytest.fixture
def begin(root, small, tmp_path):
    """A function that starts an endless run with a script, and returns its Job after some steps."""
    jobs = []

    def start(script, *options, before=()) -> Job:
        folder = tmp_path / "run"
        words = ["--data-dir", small, "--output-dir", folder, *ENDLESS, *options]
        jobs.append(launch_scripts.start(root, script, *words, before=before))
        until(lambda: len(records(folder, "step")) >= 5 or jobs[-1].process.poll() is not None)
        assert jobs[-1].process.poll() is None, jobs[-1].wait().text
        return jobs[-1]

    yield start
    for job in jobs:
        job.__exit__()
    assert list(root.glob(".exit-code.*")) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_finished(root, options, tmp_path, script):
    with launch_scripts.start(root, script, *options, "--output-dir", tmp_path / "run") as job:
        outcome = job.wait()
    assert outcome.code == 0, outcome.text
    assert records(tmp_path / "run", "epoch")[-1]["processes"] == launch_scripts.PROCESSES
    if script == "local.sh":  # nothing but train.py's lines, and the script's own
        assert outcome.err.splitlines() == ["set up", "local.sh: starting 2 process(es), as NP says"]
        assert [line.split()[0] for line in outcome.out.splitlines()[-2:]] == ["The", "Done"]
        assert "\r" not in outcome.out


@pytest.mark.parametrize("script", launch_scripts.WORDS)
def test_a_bad_option_is_one_line_and_starts_nothing(root, script):
    with launch_scripts.start(root, script, "--epoch", "3") as job:
        outcome = job.wait()
    assert outcome.code == 2
    assert outcome.text.splitlines() == [
        "set up",
        "error: unknown option --epoch, did you mean --epochs?; see python train.py --help",
    ]


@pytest.mark.parametrize("script", SCRIPTS)
def test_bad_data(root, tmp_path, script):
    words = ["--data-dir", tmp_path / "none", "--output-dir", tmp_path / "run"]
    with launch_scripts.start(root, script, *words) as job:
        outcome = job.wait()
    assert outcome.code == 2, outcome.text
    assert len(outcome.errors) == 1
    assert "none/train-images" in outcome.errors[0]
    if script == "local.sh":
        assert len(outcome.err.splitlines()) == 3


@pytest.mark.parametrize("script", ["local.sh", "hosts.sh", *map(slow, ["mpi.sh", "elastic.sh"])])
def test_asked_to_stop(begin, tmp_path, script):
    job = begin(script)
    job.send(signal.SIGTERM)
    outcome = ended(job)
    assert outcome.code == 143, outcome.text
    assert f"Stopped after step {assert_whole(tmp_path / 'run')}" in outcome.text
    assert outcome.errors == []


@pytest.mark.parametrize("script", STATIC)
def test_a_killed_rank_is_no_success(begin, tmp_path, script):
    job = begin(script)
    ranks(job)[1].kill()
    outcome = ended(job)
    assert outcome.code in (1, 137), outcome.text
    assert "SIGKILL ended a process" in outcome.text or "is lost" in outcome.text
    assert_whole(tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("script", ["local.sh", "mpi.sh", "hosts.sh"])
def test_a_stalled_rank_is_no_success(begin, script):
    job = begin(script, "--stall-timeout", 15)
    ranks(job)[1].send_signal(signal.SIGSTOP)
    outcome = ended(job)
    assert outcome.code == 1, outcome.text
    assert "no progress for 15 s" in outcome.text


@pytest.mark.parametrize("script", SCRIPTS)
def test_control_c_in_a_terminal(begin, tmp_path, script):
    """The processes of the terminal's foreground get SIGINT: the script alone, which hands it on once."""
    job = begin(script, before=(sys.executable, *program("in_terminal"), 93))
    if script in ("local.sh", "mpi.sh"):
        variables = ranks(job)[0].environ()
        assert (variables["LENET_WATCHED"], variables["COLUMNS"]) == ("1", "93")
    job.send(signal.SIGUSR1)
    outcome = ended(job)
    assert outcome.code == 143, outcome.text
    assert f"Stopped after step {assert_whole(tmp_path / 'run')}" in outcome.text
    assert "asked to stop twice" not in outcome.text


def test_the_script_that_is_killed_leaves_nobody_behind(root, begin):
    job = begin("local.sh")
    assert "LENET_WATCHED" not in ranks(job)[0].environ()
    job.send(signal.SIGKILL)
    until(lambda: not job.processes())
    for left in root.glob(".exit-code.*"):  # nobody was there to delete it
        left.unlink()
