"""python -m lenet.commands.check_options OPTIONS: reads the options of train.py and starts nothing.

The scripts of launch/ ask it before they start processes: a wrong option is one line, and nothing of a launcher's.
"""

import sys

from lenet.config import read_config
from lenet.errors import InputError


def main(arguments: list[str]) -> int:
    """The exit code that train.py would end with because of its options, 0 if they are right."""
    try:
        read_config(arguments)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
