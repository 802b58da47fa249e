"""Tries the reader of a checkpoint's state.json in the folder FOLDER."""

import json
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lenet.run import checkpoint, state_file
from tests.programs.fuzzing import attempt, bound_memory, changed, print_counts, repeatable
from tests.support import checkpoints

folder = checkpoint.save(sys.argv[1], checkpoints.make(step=5), keep=1)
path = folder / "state.json"
sound = path.read_bytes()
assert checkpoint.load(folder).progress.step == 5
bound_memory()

numbers = st.integers() | st.floats() | st.sampled_from([2**53 + 1, 10**400, -1, 1e308, float("nan"), True])
values = st.recursive(
    numbers | st.none() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)


def read() -> dict[str, Any] | None:
    """What the state's own reader makes of the file; the whole checkpoint is read as well."""
    state = attempt(state_file.read_state, path)
    attempt(checkpoint.load, folder)
    return state


@repeatable
@given(changed(sound))
def try_bytes(content: bytes) -> None:
    path.write_bytes(content)
    read()


@repeatable
@given(st.sampled_from(["progress", "totals", "run", "options", "sha256", "format"]), st.integers(0, 12), values)
def try_values(part: str, key: int, value: Any) -> None:
    """The right keys with any values, under a digest that is right for them."""
    state = json.loads(sound)
    if isinstance(state[part], dict):
        state[part][sorted(state[part])[key % len(state[part])]] = value
    else:
        state[part] = value
    if isinstance(state["sha256"], dict):
        state["sha256"]["state.json"] = state_file.state_digest(state)
    path.write_text(json.dumps(state))
    found = read()
    if found is not None:
        assert 0 <= found["progress"]["images_done"] < found["run"]["images"] <= 2**53
        assert all(type(count) is int and count >= 0 for count in found["progress"].values())


try_bytes()
try_values()
print_counts()
