"""Python with all of lenet/ and MXNet loaded: it forks for each command that it is asked to run.

Loading them takes three seconds, which most runs of the tests need not spend. A request is a line of JSON on standard
input: the words after `python`, the environment, and the files for the two outputs. The answers are the process id and,
once that process has ended, its exit code.
"""

import gc
import json
import os
import pkgutil
import runpy
import sys
from importlib import import_module

import lenet


def serve() -> None:
    """Fork for each request. Returns in the child, after its command, and at the end of the requests."""
    while line := sys.stdin.readline():
        process = os.fork()
        if process == 0:
            run(**json.loads(line))
            return
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def run(words: list[str], environment: dict[str, str], outputs: list[str]) -> None:
    """Run the command as `python WORDS…` does."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, path in enumerate(outputs, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


for module in pkgutil.walk_packages(lenet.__path__, "lenet."):
    if not module.name.endswith((".__main__", ".export")):  # onnxruntime, which export needs, starts a thread
        import_module(module.name)
gc.freeze()  # or each child would look through all of it when it ends
assert len(os.listdir("/proc/self/task")) == 1, "a fork would lack the other threads"
serve()
