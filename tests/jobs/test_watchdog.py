"""The watchdog ends a process without progress, and no other."""

import signal
import time

import psutil
import pytest

from tests.support.run_jobs import program, python, run, until


@pytest.mark.parametrize("way", ["progresses", "reports", "stopped"])
def test_a_process_that_progresses_lives(way):
    outcome = run([], *program("watched"), way)
    assert (outcome.code, outcome.out) == (0, "began\nlived\n"), outcome.text
    assert outcome.err == ""


def test_a_process_without_progress_ends_with_a_line_and_the_stack():
    outcome = run([], *program("watched"), "nothing")
    assert (outcome.code, outcome.out) == (1, "began\n")
    (line,) = outcome.errors
    assert line.startswith("rank 0 of 1 on ")
    assert line.endswith(": no progress for 2 s, waiting for the start (--patience)")
    assert "watched.py" in outcome.err


def test_the_time_of_a_suspension_does_not_count():
    """As Ctrl-Z and Slurm suspend: by SIGTSTP."""
    with python([], *program("watched"), "suspended") as job:
        process = psutil.Process(job.process.pid)
        until(lambda: b"began" in said(job))
        job.send(signal.SIGTSTP)
        until(lambda: process.status() == psutil.STATUS_STOPPED)
        time.sleep(4)  # more than the watchdog's and faulthandler's patience
        job.send(signal.SIGCONT)
        outcome = job.wait()
    assert (outcome.code, outcome.out) == (0, "began\nlived\n"), outcome.text


def said(job):
    """What the job has printed so far."""
    with open(f"/proc/self/fd/{job.out.fileno()}", "rb") as out:
        return out.read()
