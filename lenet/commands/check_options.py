"""python -m lenet.commands.check_options OPTIONS: check the options of train.py and start nothing.

The scripts of launch/ run it first, so that a wrong option is one line without any of a launcher's.
"""

import sys

from lenet.config import read_config
from lenet.errors import InputError


def main(arguments: list[str]) -> int:
    """Return the exit code of train.py for its options alone: 0 if they are right."""
    try:
        read_config(arguments, processes=None)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
