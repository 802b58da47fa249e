"""When two runs count as the same one: to the bit."""

from pathlib import Path
from typing import Any

from tests.support.run_jobs import records, trained


def results(folder: Path) -> list[dict[str, Any]]:
    """What the epochs came to, without the times and the number of processes."""
    timed = ("images_per_second", "seconds", "processes")
    return [{name: record[name] for name in record if name not in timed} for record in records(folder, "epoch")]


def assert_same_run(folder: Path, expected: Path) -> None:
    assert records(folder, "step") == records(expected, "step")
    assert results(folder) == results(expected) != []
    assert trained(folder) == trained(expected)
