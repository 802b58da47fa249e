"""Trackers: where the numbers of a run are recorded. MetricsLog has the list of them."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from lenet.atomic import whole_file
from lenet.run.progress_bar import print_line
from lenet.untrusted import read_json_lines


class Tracker(Protocol):
    """A place for records. Making it and each of its methods may raise OSError."""

    def log(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Record `values` by name. `kind` is "step", "epoch" or "change", and `step` the last step that it is of."""

    def close(self) -> None:
        """Write what is left and close the files."""


class JsonLines:
    """The file `path`, a record a line: those of an earlier part of the run up to `last_step`, and what is logged."""

    def __init__(self, path: Path, last_step: int, accuracies: dict[int, float]) -> None:
        """`accuracies` takes the validation accuracy of each earlier epoch."""
        with whole_file(path) as partial, open(partial, "w", encoding="utf-8") as file:
            file.writelines(_earlier_lines(path, last_step, accuracies))
        self.file = open(path, "a", encoding="utf-8")

    def log(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """As Tracker.log."""
        print(json.dumps({"kind": kind, "step": step, **values}), file=self.file, flush=True)

    def close(self) -> None:
        """As Tracker.close."""
        self.file.close()


def _earlier_lines(path: Path, last_step: int, accuracies: dict[int, float]) -> Iterator[str]:
    """The lines of `path` without those of later steps, which will come again. A kill can have cut the last line."""
    if not path.exists():
        return
    for text, record in read_json_lines(path):
        step = record.get("step") if record else None
        if not isinstance(step, int):
            print_line(f"warning: {path}: a broken line is left out: {text[:60]!r}", sys.stderr)
        elif record and step <= last_step:
            yield text
            epoch, accuracy = record.get("epoch"), record.get("validation_accuracy")
            if isinstance(epoch, int) and isinstance(accuracy, float):
                accuracies[epoch] = accuracy
