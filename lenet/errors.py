"""The errors whose text is the one line that the user sees; all ranks raise them alike."""

MOST = 1000  # characters of a message


class _OneLine(Exception):
    """An error whose text is one printable line, whatever a path or a value holds that stands in it."""

    def __init__(self, message):
        super().__init__("".join(each if each.isprintable() else " " for each in message)[:MOST])


class InputError(_OneLine):
    """An option, a config, a file or a launch that cannot work."""

    exit_code = 2


class TrainingError(_OneLine):
    """Training cannot go on, though nothing that was given is plainly wrong."""

    exit_code = 1
