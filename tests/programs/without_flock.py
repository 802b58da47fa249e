"""train.py on a file system that has no flock: ERROR EXPIRES OPTIONS… ERROR is errno's name, EXPIRES in seconds."""

import errno
import fcntl
import sys
from typing import NoReturn

from lenet.run import lock
from tests.programs.patched_train import run_train

name, expires, *options = sys.argv[1:]


def refuse(*_: object) -> NoReturn:
    raise OSError(getattr(errno, name), "Not here")


fcntl.flock = refuse
lock.EXPIRES, lock.RENEWAL = float(expires), float(expires) / 6
run_train(options)
