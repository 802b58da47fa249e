"""The errors whose text is the one line that the user sees; all ranks raise them alike."""

from distributed.exit_codes import BAD_INPUT, FAILED

MAX_LENGTH = 1000  # characters of a message


class _OneLine(Exception):
    """An error whose text is one printable line, whatever a path or a value holds that stands in it."""

    def __init__(self, message: str) -> None:
        super().__init__("".join(each if each.isprintable() else " " for each in message)[:MAX_LENGTH])


class InputError(_OneLine):
    """An option, a config, a file or a launch that cannot work."""

    exit_code = BAD_INPUT


class TrainingError(_OneLine):
    """Training cannot go on, though nothing that was given is plainly wrong."""

    exit_code = FAILED


def shorten(value: object) -> str:
    """A value as a part of a message: a long text is cut, of a list or a mapping only the type is named."""
    if not isinstance(value, (str, int, float)):
        return type(value).__name__
    text = hex(value) if isinstance(value, int) and abs(value) > 10**100 else str(value)  # str refuses 4,301 digits
    return text if len(text) <= 60 else f"{text[:60]}…"
