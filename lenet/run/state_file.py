"""state.json of a checkpoint: writing, and reading with the type and range of each value checked."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from lenet.config import options_with
from lenet.errors import InputError
from lenet.options import BY_NAME, FREE, NEW_RUN, RECORDED
from lenet.run.progress import Totals
from lenet.untrusted import read_regular

MODEL, OPTIMIZER, STATE = "model.params", "optimizer.params", "state.json"
FORMAT = 4  # Format 3 had one slot of the optimizer, without its name.
MAX_STATE = 1 << 16  # bytes of a state.json
MAX_COUNT = 1 << 53  # of any count
Value = int | float | str | None
# The parts of a state.json, and the types of their values; options follow from config.py.
KINDS: dict[str, dict[str, Any]] = {
    "progress": {"epoch": int, "images_done": int, "step": int},
    "totals": get_type_hints(Totals),
    "run": {"data": str, "images": int, **options_with(NEW_RUN, BY_NAME)},
    "best": {"correct": int},
    "options": options_with(RECORDED, FREE),
    "sha256": {MODEL: str, OPTIMIZER: str, STATE: str},
}


def write_state(path: Path, facts: Mapping[str, Mapping[str, Value]], digests: Mapping[str, str]) -> None:
    """Write a state.json: the parts `facts`, the SHA-256 `digests` of the files beside it, and its own digest."""
    state: dict[str, Any] = {"format": FORMAT, **facts, "sha256": dict(digests)}
    state["sha256"][STATE] = state_digest(state)
    path.write_text(json.dumps(state, indent=1) + "\n")


def read_state(path: Path) -> dict[str, Any]:
    """Return the parts of a state.json, as in KINDS. InputError: it is damaged, or of another format."""
    try:
        state = json.loads(read_regular(path, MAX_STATE))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; a checkpoint's folder is needed") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: it is not JSON") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError(f"{path}: it is not the state of a checkpoint of format {FORMAT}, the one of this version")
    for name, kinds in KINDS.items():
        if not _is_part(state.get(name), kinds):
            raise InputError(f"{path}: {name} must hold {', '.join(kinds)}")
    progress, totals, images = state["progress"], state["totals"], state["run"]["images"]
    values = [value for name in KINDS for value in state[name].values()]
    if not all(_is_in_range(value) for value in values):
        raise InputError(f"{path}: a number is out of range")
    if progress["images_done"] >= images or not totals["correct"] <= totals["images"] <= images:
        raise InputError(f"{path}: more images are done than an epoch has")
    if state["sha256"][STATE] != state_digest(state):
        raise InputError(f"{path}: its SHA-256 is not the one that it holds: it is damaged")
    return state


def _is_part(part: Any, kinds: Mapping[str, Any]) -> bool:
    """Does `part` hold these names with values of these types? An option that changes no bit can be newer than it."""
    if not isinstance(part, dict) or not kinds.keys() - options_with(FREE).keys() <= part.keys() <= kinds.keys():
        return False
    return all(_is_a(value, kinds[name]) for name, value in part.items())


def _is_a(value: Any, kind: Any) -> bool:
    """Is `value` of the class `kind`, or of one in this union? True is no int."""
    return type(value) in (get_args(kind) or (kind,))


def _is_in_range(value: Value) -> bool:
    return 0 <= value <= MAX_COUNT if isinstance(value, int) else not isinstance(value, float) or math.isfinite(value)


def state_digest(state: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a state without its own digest, as JSON in one fixed form."""
    digests = {name: digest for name, digest in state["sha256"].items() if name != STATE}
    return sha256(json.dumps({**state, "sha256": digests}, sort_keys=True).encode())


def sha256(content: bytes) -> str:
    """Return the digest of a file's content that a checkpoint keeps, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
