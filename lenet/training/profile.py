"""train.py --profile FILE: what each operator of some steps took, as a Chrome trace (Perfetto opens it)."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from mxnet import nd, profiler

from lenet.atomic import PARTIAL, whole_file
from lenet.errors import InputError

SKIPPED = 20  # steps that warm up: the first ones make and compile things
PROFILED = 20  # steps after them


def check_path(path: str | None) -> None:
    """InputError: no file can be written at `path`, which would show only after training."""
    if path is None:
        return
    is_new = not Path(path).exists()
    try:
        open(path, "ab").close()
        if is_new:
            os.unlink(path)
    except OSError as error:
        raise InputError(f"--profile {path}: {error.strerror}") from None


class StepProfile:
    """Profiles the steps of this process with MXNet's own profiler and writes them to `path`; None: does nothing.

    The exchange is an operation of MXNet's engine as any other, `horovod_allreduce`. Nothing that is computed changes;
    only the queue of the device is emptied before the first and after the last profiled step.
    """

    def __init__(self, path: str | None, say: Callable[[str], None]) -> None:
        self.path, self.say = path, say
        self.steps = 0  # that have begun
        self.is_running = False

    def begin_step(self) -> None:
        """Start or end the profile where it is time, before a step is queued."""
        if self.path is None:
            return
        if self.steps == SKIPPED:
            nd.waitall()
            profiler.set_config(
                filename=self.path + PARTIAL,
                profile_symbolic=True,
                profile_imperative=True,
                profile_api=True,
                profile_memory=False,
                aggregate_stats=False,
            )
            profiler.set_state("run")
            self.is_running = True
        if self.steps == SKIPPED + PROFILED:
            self._write()
        self.steps += 1

    def close(self) -> None:
        """Write what is there when the run ends early; again for nothing."""
        if self.path is None:
            return
        self._write()
        if self.steps <= SKIPPED:
            self.say(f"No profile: it begins after {SKIPPED} steps, and this run took {self.steps}")
        self.path = None

    def _write(self) -> None:
        if not self.is_running or self.path is None:
            return
        nd.waitall()
        profiler.set_state("stop")
        profiler.dump()
        self.is_running = False
        steps, short = self.steps - SKIPPED, "" if self.steps == SKIPPED + PROFILED else ": the run was short"
        try:
            write_with_small_numbers(Path(self.path + PARTIAL), Path(self.path))
            self.say(f"The profile of {steps} steps is in {self.path}{short}")
        except (OSError, ValueError) as error:  # MXNet reports no full disk: its file is cut then
            self.say(f"No profile: {self.path} could not be written ({error})")


def write_with_small_numbers(source: Path, target: Path) -> None:
    """Move a trace of MXNet's to `target`, with its processes and threads numbered from 0.

    MXNet's numbers are hashes of 64 bits; readers of the format expect 32, and JavaScript has 53.
    """
    try:
        trace = json.loads(source.read_text())
        numbers: dict[int, int] = {}
        for event in trace["traceEvents"]:
            for name in ("pid", "tid"):
                if name in event:
                    event[name] = numbers.setdefault(event[name], len(numbers))
        with whole_file(target) as place:
            place.write_text(json.dumps(trace))
    finally:
        source.unlink(missing_ok=True)
