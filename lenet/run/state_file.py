"""Writes and reads the state.json of a checkpoint; the type and range of each value is checked."""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from lenet.errors import InputError
from lenet.run.progress import Totals
from lenet.untrusted import read_regular

MODEL, OPTIMIZER, STATE = "model.params", "optimizer.params", "state.json"
FORMAT = 4  # 3 had one slot of the optimizer, without its name
MAX_STATE = 1 << 16  # bytes of a state.json
MOST = 1 << 53  # of any count
Value = int | float | str | None
# What a state.json holds, part by part.
KINDS: dict[str, dict[str, Any]] = {
    "progress": {"epoch": int, "images_done": int, "step": int},
    "totals": get_type_hints(Totals),
    "run": {
        "seed": int,
        "data": str,
        "images": int,
        "shard": int,
        "global_batch": int,
        "network": str,
        "optimizer": str,
    },
    "best": {"correct": int},
    "options": {
        "epochs": int,
        "learning_rate": float,
        "momentum": float,
        "weight_decay": float,
        "schedule": str,
        "warmup_epochs": float,
        "reference_batch": int,
        "clip_norm": float | None,
        "label_smoothing": float,
        "flip": bool,
        "shift": int,
        "exchange": str,
        "log_every": int,
        "checkpoint_every": int | None,
        "keep": int,
        "stall_timeout": float,
        "tensorboard": bool,
    },
    "sha256": {MODEL: str, OPTIMIZER: str, STATE: str},
}


def write_state(path: Path, facts: Mapping[str, Mapping[str, Value]], digests: Mapping[str, str]) -> None:
    """Write a state.json of the parts `facts`, with the SHA-256 `digests` of the files beside it and its own."""
    state: dict[str, Any] = {"format": FORMAT, **facts, "sha256": dict(digests)}
    state["sha256"][STATE] = state_digest(state)
    path.write_text(json.dumps(state, indent=1) + "\n")


def read_state(path: Path) -> dict[str, Any]:
    """The dict in a state.json, part by part as in KINDS. InputError: it is not whole, sound or of this format."""
    try:
        state = json.loads(read_regular(path, MAX_STATE))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; a checkpoint's folder is needed") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: it is not JSON") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError(f"{path}: it is not the state of a checkpoint of format {FORMAT}, the one of this version")
    for name, kinds in KINDS.items():
        part = state.get(name)
        if (
            not isinstance(part, dict)
            or part.keys() != kinds.keys()
            or not all(_is_a(part[key], kinds[key]) for key in kinds)
        ):
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


def _is_a(value: Any, kind: Any) -> bool:
    """Is `value` of the type `kind`, or of one of those that it names? True is no int."""
    return type(value) in (get_args(kind) or (kind,))


def _is_in_range(value: Value) -> bool:
    return 0 <= value <= MOST if isinstance(value, int) else not isinstance(value, float) or math.isfinite(value)


def state_digest(state: Mapping[str, Any]) -> str:
    """SHA-256 of what a state says, less this digest itself: of JSON in one fixed form."""
    digests = {name: digest for name, digest in state["sha256"].items() if name != STATE}
    return sha256(json.dumps({**state, "sha256": digests}, sort_keys=True).encode())


def sha256(content: bytes) -> str:
    """The digest that a checkpoint keeps of a file, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
