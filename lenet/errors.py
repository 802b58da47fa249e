"""The errors of a run, each of which ends all ranks with one line: InputError, for bad input, and TrainingError."""

from distributed.errors import InputError, JobError

__all__ = ["InputError", "TrainingError", "shorten"]


class TrainingError(JobError):
    """Training cannot continue, although no option, config or file is plainly wrong."""


def shorten(value: object) -> str:
    """A value as a part of a message: a long text is cut, of a list or a mapping only the type is named."""
    if not isinstance(value, (str, int, float)):
        return type(value).__name__
    text = hex(value) if isinstance(value, int) and abs(value) > 10**100 else str(value)  # str refuses 4,301 digits
    return text if len(text) <= 60 else f"{text[:60]}…"
