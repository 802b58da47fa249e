"""On a file system without flock two jobs on a folder are refused too, and a crash does not lock it for long."""

import time

import psutil
import pytest

from lenet.run import checkpoint
from tests.support.marks import slow
from tests.support.run_jobs import program, python, records, run, until

EXPIRES = 6  # seconds


@pytest.mark.parametrize("error", ["EOPNOTSUPP", slow("ENOSYS"), slow("ENOLCK")])
def test_two_jobs_are_refused_and_a_crash_is_got_over(endless, plain_options, tmp_path, error):
    folder = tmp_path / "run"
    entry = [*program("without_flock"), error, EXPIRES, "--output-dir", folder]
    with python([], *entry, *endless) as job:
        until(lambda: len(records(folder, "step")) >= 3)
        before = (folder / "config.yaml").read_bytes()
        outcome = run([], *entry, *plain_options, "--seed", 2)
        assert outcome.code == 2, outcome.text
        assert len(outcome.errors) == 1
        assert f"another job writes there (process {job.process.pid} on " in outcome.errors[0]
        assert (folder / "config.yaml").read_bytes() == before
        assert job.process.poll() is None
        job.kill()
        killed = job.wait()
    told = [line for line in killed.err.splitlines() if "no flock on this file system (Not here)" in line]
    assert len(told) == 1
    assert f"for up to {EXPIRES} s" in told[0]
    began = time.monotonic()
    outcome = run([], *entry, *endless, "--max-steps", 1)
    assert outcome.code == 0, outcome.text
    assert time.monotonic() - began < EXPIRES + 60  # and for the start of a run
    assert not (folder / ".lock-file").exists()


def test_one_that_stood_still_for_too_long_writes_nothing_more(endless, tmp_path):
    folder = tmp_path / "run"
    entry = [*program("without_flock"), "ENOLCK", EXPIRES, "--output-dir", folder, *endless]
    with python([], *entry) as job:
        until(lambda: len(records(folder, "step")) >= 3)
        process = psutil.Process(job.process.pid)
        process.suspend()
        before = checkpoint.folders(folder)[-1:]
        with python([], *entry) as second:
            until(lambda: checkpoint.folders(folder)[-1:] != before)
            process.resume()
            outcome = job.wait()
            assert outcome.code == 1, outcome.text
            assert f"another job writes there (process {second.process.pid} on " in outcome.errors[0]
            assert second.process.poll() is None
            assert f"process {second.process.pid} " in (folder / ".lock").read_text()
            second.process.terminate()
            assert second.wait().code == 143
    assert not (folder / ".lock-file").exists()
