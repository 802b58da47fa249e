"""When two runs count as the same one."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.run_jobs import first_ten, records

# Adding up in another order changes the last bits: of the first ten losses these, and more of whole epochs after that.
TOLERANCE, OF_EPOCHS = 1e-5, 1e-4


def results(folder: Path) -> list[dict[str, Any]]:
    """What the epochs came to, without the times and the number of processes."""
    timed = ("images_per_second", "seconds", "processes")
    return [{name: record[name] for name in record if name not in timed} for record in records(folder, "epoch")]


def assert_same_run(folder: Path, expected: Path) -> None:
    assert first_ten(folder) == pytest.approx(first_ten(expected), rel=TOLERANCE, abs=0)
    assert len(results(folder)) == len(results(expected)) > 0
    for ours, theirs in zip(results(folder), results(expected)):
        assert ours == pytest.approx(theirs, rel=OF_EPOCHS)
