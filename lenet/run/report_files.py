"""The files of a run's report: written by `python -m lenet report`, out of date once the run begins anew."""

import re
from pathlib import Path

PAGE = "report.html"
PICTURE = re.compile(r"(loss|accuracy|learning_rate|images_per_second|(confusion|mistakes)(-\d+)?)\.png")


def report_files(folder: Path) -> list[Path]:
    """The files in `folder` that a report has written."""
    return sorted(path for path in folder.iterdir() if path.name == PAGE or PICTURE.fullmatch(path.name))
