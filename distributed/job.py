"""A job from its start to its exit code, on every rank."""

import os
import signal
import sys
import time
import traceback
from bdb import BdbQuit
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import cast

from distributed.connect import connect
from distributed.environment import read_count
from distributed.errors import InputError, JobError, print_error_line
from distributed.exit_codes import BAD_INPUT, FAILED, RESTART, report_exit_code
from distributed.launcher import read_launch
from distributed.watchdog import Watchdog
from distributed.world import World

# Seconds for the rank that speaks to do so, where there is no world that all leave together: a launcher ends them all
# as soon as one has ended.
ROOT_REPORT_SECONDS = 10.0
START_TIMEOUT, START_SECONDS = "LENET_START_TIMEOUT", 60  # without progress, until the config tells --stall-timeout


def run_job(work: Callable[[World], int | None]) -> int:
    """Exit code of `work(world)` in the world that the launcher made; RESTART for None, to go on in a resized one.

    JobErrors, which all ranks raise alike, end the job with one line and their `exit_code`. Any other exception ends
    all ranks with exit code 1: they would wait for the rank that has raised it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback of Python's when that ends a start
    for stream in (sys.stdout, sys.stderr):
        cast(TextIOWrapper, stream).reconfigure(
            errors="backslashreplace"
        )  # names of folders can be more than the screen's encoding
    world: World | None = None
    try:
        world = connect(_watchdog())
        return _work_in(world, work)
    except JobError as error:
        code = error.exit_code
        if _speaks(world):
            report_exit_code(code)
            print_error_line(f"error: {error}")
        elif world is None:
            time.sleep(ROOT_REPORT_SECONDS)
        if world is not None:
            world.may_exit = True  # on all ranks alike
            if code != BAD_INPUT and world.is_root:
                world.record_failure(f"{error}", code, traceback.format_exc())
            world.close()
        return code
    except Exception as error:
        if world is None:
            raise
        reason = "the debugger was left" if isinstance(error, BdbQuit) else world.describe_failure(error)
        details = "" if reason else f"\n{traceback.format_exc().rstrip()}"
        print_error_line(f"error: rank {world.rank} of {world.size} on {world.host}: {reason or error}{details}")
        if world.is_root:
            report_exit_code(FAILED)
        world.record_failure(reason or f"{type(error).__name__}: {error}", 1, traceback.format_exc())
        world.abort(FAILED)


def _watchdog() -> Watchdog:
    """What watches this process from now on. InputError: the variable for its timeout makes no sense."""
    seconds = read_count(os.environ, START_TIMEOUT)
    if seconds == 0:
        raise InputError(f"{START_TIMEOUT}=0: one second is the least")
    watchdog = Watchdog(seconds or START_SECONDS, START_TIMEOUT)
    with suppress(InputError):  # `connect` says what is wrong
        if launch := read_launch():
            watchdog.rank, watchdog.size = launch.rank, launch.size
    return watchdog


def _work_in(world: World, work: Callable[[World], int | None]) -> int:
    """The exit code of `work`. Does not return where `work` fails and the job outlives that."""
    try:
        code = work(world)
        if code is not None and world.is_root:
            report_exit_code(code)
        world.barrier()  # a launcher ends all ranks when the first has ended: rank 0 must have handed its code on
        world.close()
    except Exception as error:
        world.recover(error)
        raise
    return RESTART if code is None else code


def _speaks(world: World | None) -> bool:
    """Is this the one rank that reports for all? Before there is a world: for all of its host.

    A host of which rank 0 is none may be the only one where Horovod is missing.
    """
    if world is not None:
        return world.is_root
    try:
        launch = read_launch()
    except InputError:
        return True
    return launch is None or (launch.rank if launch.local_rank is None else launch.local_rank) == 0
