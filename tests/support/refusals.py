"""Runs that are refused with one line and change nothing."""

import hashlib
from pathlib import Path
from typing import Any

from tests.support import run_jobs


def contents(folder: Path) -> dict[Path, str]:
    """The digest of every file by its path; the lock and empty files say nothing."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock" and path.stat().st_size]
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def refused(folder: Path, *options: Any) -> str:
    """The one line that train.py ends with; nothing in the folder has changed."""
    before = contents(folder)
    outcome = run_jobs.run([], "train.py", "--output-dir", folder, *options)
    assert outcome.code == 2, outcome.text
    assert len(outcome.errors) == 1
    assert "Traceback" not in outcome.text
    assert contents(folder) == before
    return outcome.errors[0]
