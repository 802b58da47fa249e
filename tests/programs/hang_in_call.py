"""A command that hangs on one rank in the NUMBERth call of a function: RANK HOW MODULE FUNCTION NUMBER COMMAND...

HOW is `waits`, as a read from a disk that never answers does; `locked`, the same in C code that holds the interpreter's
lock; or `stopped`, by SIGSTOP. FUNCTION can be a method, as Class.method. COMMAND is `train OPTIONS` or what
`python -m lenet` takes.
"""

import ctypes
import os
import signal
import sys
import threading
from importlib import import_module

from tests.programs.patched_train import before, on_call, rank, run_train

HOWS = {
    "waits": lambda: threading.Event().wait(),
    "locked": lambda: ctypes.PyDLL(None).pause(),
    "stopped": lambda: os.kill(os.getpid(), signal.SIGSTOP),
}

hanging, how, module, function, number, command, *options = sys.argv[1:]
if rank() == int(hanging):
    owner = import_module(module)
    *classes, name = function.split(".")
    for each in classes:
        owner = getattr(owner, each)
    before(owner, name, on_call(int(number), HOWS[how]))
if command == "train":
    run_train(options)
else:
    from lenet.__main__ import main

    sys.exit(main([command, *options]))
