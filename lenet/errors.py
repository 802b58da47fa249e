"""The error of bad input: its text is the one line that the user sees."""


class InputError(Exception):
    """An option, a config, a file or a launch that cannot work; ends the program with `error: …` and exit code 2."""
