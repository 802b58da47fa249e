"""The errors whose text is the one line that the user sees; all ranks raise them alike."""


class InputError(Exception):
    """An option, a config, a file or a launch that cannot work."""

    exit_code = 2


class TrainingError(Exception):
    """Training can not go on, though nothing that was given is plainly wrong."""

    exit_code = 1
