"""Tries the reader of `.params` files in the folder FOLDER."""

import sys
from pathlib import Path

import numpy as np
from hypothesis import given

from lenet.model.params_file import parse_params, read_params, write_params
from tests.programs.fuzzing import attempt, bound_memory, changed, print_counts, repeatable

sound, tried = Path(sys.argv[1], "sound"), Path(sys.argv[1], "tried")
write_params(sound, {"0.weight": np.ones((6, 1, 5, 5), np.float32), "0.bias": np.ones(6, np.float32)})
assert set(read_params(sound)) == {"0.weight", "0.bias"}
bound_memory()


@repeatable
@given(changed(sound.read_bytes()))
def try_bytes(content: bytes) -> None:
    """What is taken is no larger than the file."""
    tried.write_bytes(content)
    for found in (attempt(parse_params, content, "tried"), attempt(read_params, tried)):
        assert found is None or sum(array.nbytes for array in found.values()) <= len(content)


try_bytes()
print_counts()
