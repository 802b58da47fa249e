"""What the programs of this folder share: train.py with a part of it replaced.

A program is started as `python -m tests.programs.NAME …`, also under a launcher. It patches what its docstring says,
then runs train.py with the options that are left of its command line.
"""

import itertools
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from typing import Any


def before(owner: Any, name: str, act: Callable[..., object]) -> None:
    """Patch `owner.name`: each call of it calls `act` first, with the same arguments."""
    call = getattr(owner, name)

    def patched(*arguments: Any, **named: Any) -> Any:
        act(*arguments, **named)
        return call(*arguments, **named)

    setattr(owner, name, patched)


def after(owner: Any, name: str, act: Callable[..., object]) -> None:
    """Patch `owner.name`: each call of it calls `act` last, with what it returns and the same arguments."""
    call = getattr(owner, name)

    def patched(*arguments: Any, **named: Any) -> Any:
        returned = call(*arguments, **named)
        act(returned, *arguments, **named)
        return returned

    setattr(owner, name, patched)


def on_call(number: int, act: Callable[[], object]) -> Callable[..., None]:
    """A function that calls `act` when it is itself called for the `number`th time."""
    calls = itertools.count(1)

    def act_once(*_: Any, **__: Any) -> None:
        if next(calls) == number:
            act()

    return act_once


def rank() -> int:
    """The rank that the launcher gives this process; 0 without one."""
    return int(os.environ.get("HOROVOD_RANK") or os.environ.get("OMPI_COMM_WORLD_RANK") or 0)


def run_train(options: Sequence[str]) -> None:
    """Run the train.py of the working directory as `python train.py OPTIONS` does."""
    sys.argv = ["train.py", *options]
    runpy.run_path("train.py", run_name="__main__")
