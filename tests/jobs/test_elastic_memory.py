"""The memory of a slot holds the last whole state, whatever ended the process that wrote it."""

import os
import signal
import subprocess
import sys

import pytest

from distributed.elastic.memory import DESCRIPTOR, STATES_AT, Memory
from tests.support.run_jobs import ROOT, until


@pytest.fixture
def memory():
    made = Memory.create()
    yield made
    os.close(made.descriptor)


def test_it_holds_the_last_state(memory):
    assert memory.committed() is None
    for number, state in enumerate((b"one", b"", b"three" * 1000), 1):
        memory.commit(state)
        assert Memory(memory.descriptor).committed() == state
        assert memory.commits == number


def test_a_state_that_is_not_whole_leaves_the_one_before(memory):
    memory.commit(b"first")
    memory.commit(b"second")
    memory.map[STATES_AT] ^= 1  # the second one lies first
    assert memory.committed() == b"first"


def test_a_state_too_large_is_refused(memory, monkeypatch):
    monkeypatch.setattr("distributed.elastic.memory.STATE_LIMIT", 4)
    with pytest.raises(ValueError, match="5 bytes"):
        memory.commit(b"12345")


def test_a_kill_in_the_middle_leaves_a_whole_state(memory):
    for _ in range(3):
        commits = memory.commits
        process = subprocess.Popen(
            [sys.executable, "tests/programs/commit_for_ever.py"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), DESCRIPTOR: str(memory.descriptor)},
            pass_fds=[memory.descriptor],
        )
        until(lambda commits=commits: memory.commits > commits + 5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        state = memory.committed()
        assert len(set(state)) == 1
        assert len(state) == 1 << 22
