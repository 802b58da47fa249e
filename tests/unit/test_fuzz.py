"""Thousands of wrong files for every reader: an answer or an InputError of one line, in little memory, never a crash.

Each reader is tried in a process of its own that may take little more memory than it has when it starts.
`lenet.data.idx` is tried in test_idx_fuzz.py.
"""

import json
import sys

import pytest

from tests.support import run_jobs

EXAMPLES = 1000  # for each kind of wrong input
LIMIT = 280  # seconds
ROOM = 256 << 20  # bytes of address space besides what the imports take

# Tries `read` with what hypothesis thinks of; the result is printed.
START = f"""
import json, resource, struct, sys, tempfile
from pathlib import Path
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lenet.errors import InputError
repeatable = settings(max_examples={EXAMPLES}, derandomize=True, deadline=None, database=None,
                      suppress_health_check=list(HealthCheck))
place = Path(tempfile.mkdtemp())
counts = {{"taken": 0, "refused": 0}}

def bound():
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + {ROOM},) * 2)

def attempt(read, *given):
    try:
        found = read(*given)
    except InputError as error:
        counts["refused"] += 1
        assert str(error).isprintable() and str(error), error
        return None
    counts["taken"] += 1
    return found

def changed(content):
    '''Any bytes, or the sound content with some bytes changed, cut out or put in.'''
    def apply(edits):
        data = bytearray(content)
        for place, kind, value in edits:
            at = place % (len(data) + 1)
            if kind == 0:
                data[at:at + len(value)] = value
            elif kind == 1:
                data[at:at] = value
            else:
                del data[at:at + len(value) * 7]
        return bytes(data)
    extremes = st.sampled_from([struct.pack("<q", each) for each in (-1, 0, 1, 2**31, 2**32, 2**62, 2**63 - 1, 10**12)])
    edit = st.tuples(st.integers(0, len(content)), st.integers(0, 2), st.binary(min_size=1, max_size=8) | extremes)
    return st.binary(max_size=400) | st.lists(edit, min_size=1, max_size=4).map(apply)
"""
END = """
print(json.dumps(counts))
"""

PARAMS = """
from lenet.model.params_file import parse_params, read_params, write_params
write_params(place / "sound", {"0.weight": np.ones((6, 1, 5, 5), np.float32), "0.bias": np.ones(6, np.float32)})
sound = (place / "sound").read_bytes()
assert set(read_params(place / "sound")) == {"0.weight", "0.bias"}
bound()

@repeatable
@given(changed(sound))
def check(content):
    (place / "tried").write_bytes(content)
    for found in (attempt(parse_params, content, "tried"), attempt(read_params, place / "tried")):
        assert found is None or sum(array.nbytes for array in found.values()) <= len(content)

check()
"""

# What a state could hold: the right keys with any values, under a digest that is right for it.
STATE = """
from lenet.run import checkpoint
from lenet.run.progress import Totals
from lenet.run.progress import Progress
weights = {"0.bias": np.ones(6, np.float32)}
sound = checkpoint.Checkpoint(weights, weights, Progress(1, 8, 5), Totals(1.5, 3, 8),
                              {"seed": 1, "data": "d", "images": 20})
folder = checkpoint.save(place, sound, keep=1)
content = (folder / "state.json").read_bytes()
assert checkpoint.load(folder).progress == Progress(1, 8, 5)
state = json.loads(content)
bound()

def read():
    return attempt(checkpoint._read_state, folder / "state.json"), attempt(checkpoint.load, folder)

@repeatable
@given(changed(content))
def check_bytes(changed):
    (folder / "state.json").write_bytes(changed)
    read()

numbers = st.integers() | st.floats() | st.sampled_from([2**53 + 1, 10**400, -1, 1e308, float("nan"), True])
values = st.recursive(numbers | st.none() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=4)
                      | st.dictionaries(st.text(max_size=9), inner, max_size=4), max_leaves=9)
parts = st.sampled_from(["progress", "totals", "run", "sha256", "format"])

@repeatable
@given(parts, st.integers(0, 2), values)
def check_values(part, key, value):
    other = json.loads(content)
    if isinstance(other[part], dict):
        other[part][sorted(other[part])[key % len(other[part])]] = value
    else:
        other[part] = value
    if isinstance(other["sha256"], dict):
        other["sha256"]["state.json"] = checkpoint._state_digest(other)
    (folder / "state.json").write_text(json.dumps(other))
    found, _ = read()
    if found is not None:
        assert 0 <= found["progress"]["images_done"] < found["run"]["images"] <= 2**53
        assert all(type(each) is int and each >= 0 for each in found["progress"].values())

check_bytes()
check_values()
"""

CONFIG = """
import yaml
from dataclasses import asdict, fields
from lenet.config import Config, read_config, write_config
names = [field.name for field in fields(Config)]
with open(place / "sound", "w") as file:
    write_config(Config(), file)
sound = (place / "sound").read_bytes()
assert read_config(["--config", str(place / "sound")]) == Config()
bound()

def try_yaml(content):
    (place / "tried").write_bytes(content)
    found = attempt(read_config, ["--config", str(place / "tried")])
    if found is not None:
        with open(place / "again", "w") as file:
            write_config(found, file)
        assert read_config(["--config", str(place / "again")]) == found

@repeatable
@given(changed(sound))
def check_bytes(content):
    try_yaml(content)

numbers = st.booleans() | st.integers() | st.floats()
plain = st.none() | numbers | st.text(max_size=30) | st.dates() | st.binary(max_size=9)
nested = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3))

@repeatable
@given(st.dictionaries(st.sampled_from(names) | st.text(max_size=9), nested, max_size=5))
def check_values(values):
    try_yaml(yaml.safe_dump(values).encode())

signs = "&a *a <<: - ? : [ ] { } ! !! !!python/name:os | > % @ ` ' , # 1:1:1 0x1 1e9 .inf ~ =".split()
signs = st.sampled_from([*signs, "\\n", "\\t"])

@repeatable
@given(st.lists(signs | st.sampled_from(names), max_size=30))
def check_signs(words):
    try_yaml(" ".join(words).encode())

@repeatable
@given(st.lists(st.tuples(st.sampled_from(names), st.text(max_size=40) | nested.map(str)), min_size=1, max_size=4))
def check_options(given):
    attempt(read_config, [f"--{name.replace('_', '-')}={value}" for name, value in given])

@repeatable
@given(st.lists(st.text(max_size=20), max_size=5))
def check_words(words):
    if not {"-h", "--help"} & set(words):
        attempt(read_config, words)

check_bytes()
check_values()
check_signs()
check_options()
check_words()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux bounds the memory of a process")
@pytest.mark.parametrize(("reader", "tries"), [(PARAMS, 2), (STATE, 4), (CONFIG, 5)], ids=["params", "state", "config"])
def test_any_input_is_taken_or_refused(reader, tries, tmp_path):
    with run_jobs.python([], "-c", START + reader + END, TMPDIR=str(tmp_path)) as job:
        outcome = job.wait(LIMIT)
    assert outcome.code == 0, outcome.text[-3000:]
    counts = json.loads(outcome.out)
    assert counts["refused"] > EXAMPLES / 2
    assert sum(counts.values()) >= tries * EXAMPLES * 0.9  # hypothesis stops where it has tried everything
