"""Thousands of wrong files for every reader: an answer or an InputError of one line, in little memory, never a crash.

Each reader is tried in a process of its own that may take little more memory than it has when it is set up. The reader
of IDX files is tried in tests/unit/test_idx_fuzz.py.
"""

import json
import sys

import pytest

from tests.programs.fuzzing import EXAMPLES
from tests.support import run_jobs
from tests.support.run_jobs import program

LIMIT = 280  # seconds


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux bounds the memory of a process")
@pytest.mark.parametrize(("reader", "tries"), [("params", 2), ("state", 4), ("config", 5)])
def test_any_input_is_taken_or_refused(reader, tries, tmp_path):
    with run_jobs.python([], *program(f"fuzz_{reader}"), tmp_path) as job:
        outcome = job.wait(LIMIT)
    assert outcome.code == 0, outcome.text[-3000:]
    counts = json.loads(outcome.out)
    assert counts["refused"] > EXAMPLES / 2
    assert sum(counts.values()) >= tries * EXAMPLES * 0.9  # hypothesis stops where it has tried everything
