"""A job from its start to its exit code, on every rank."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from typing import cast

from distributed.connect import connect
from distributed.environment import read_count
from distributed.errors import InputError, JobError, print_error_line
from distributed.exit_codes import BAD_INPUT, RESTART, report_exit_code
from distributed.launcher import read_launch
from distributed.monitor import Monitor
from distributed.world import World

# Seconds for one rank to report an error, where there is no world that all leave together: a launcher ends them all
# as soon as one has ended.
ROOT_REPORT_SECONDS = 10.0
START_TIMEOUT, START_SECONDS = "LENET_START_TIMEOUT", 60  # without progress, until the config sets --stall-timeout


def run_job(work: Callable[[World], int | None]) -> int:
    """Run `work` in the world that the launcher made. Returns its exit code, or RESTART where it returns None.

    JobErrors, which all ranks raise alike, end the job with one line and their `exit_code`. Any other exception ends
    all ranks with exit code 1: they would wait for the rank that has raised it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C during the start prints no traceback
    for stream in (sys.stdout, sys.stderr):  # the name of a folder can have what the screen's encoding has not
        cast(TextIOWrapper, stream).reconfigure(errors="backslashreplace")
    world: World | None = None
    try:
        world = connect(_start_monitor())
        return _run_in(world, work)
    except JobError as error:
        return _fail_before_start(error) if world is None else _fail_on_all_ranks(world, error)
    except Exception as error:
        if world is None:
            raise
        world.abort(error)


def _start_monitor() -> Monitor:
    """The Monitor of this process, watched from now on. InputError: the variable for its timeout makes no sense."""
    seconds = read_count(os.environ, START_TIMEOUT)
    if seconds == 0:
        raise InputError(f"{START_TIMEOUT}=0: one second is the least")
    monitor = Monitor()
    with suppress(InputError):  # `connect` raises it
        if launch := read_launch():
            monitor.join(launch.rank, launch.size)
    monitor.watch(seconds or START_SECONDS, START_TIMEOUT)
    return monitor


def _run_in(world: World, work: Callable[[World], int | None]) -> int:
    """The exit code of `work`. Does not return where `work` fails and the job continues in another world."""
    try:
        code = work(world)
        if code is not None and world.is_root:
            report_exit_code(code)
        world.monitor.allow_exit()
        world.barrier("the end of all ranks")  # a launcher ends all with the first: rank 0 has reported the code by now
        world.close()
    except Exception as error:
        world.committed.recover(error)
        raise
    return RESTART if code is None else code


def _fail_on_all_ranks(world: World, error: JobError) -> int:
    """Report `error`, which all ranks have raised, on rank 0 and leave the world. Returns the exit code."""
    world.monitor.allow_exit()
    if world.is_root:
        report_exit_code(error.exit_code)
        print_error_line(f"error: {error}")
        if error.exit_code != BAD_INPUT:
            stack = "".join(traceback.format_exception(error))
            world.monitor.record_failure(f"{error}", error.exit_code, stack)
    world.close()
    return error.exit_code


def _fail_before_start(error: JobError) -> int:
    """Report `error` once for each host: Horovod may be missing on one that does not have rank 0."""
    if _is_first_of_host():
        report_exit_code(error.exit_code)
        print_error_line(f"error: {error}")
    else:
        time.sleep(ROOT_REPORT_SECONDS)
    return error.exit_code


def _is_first_of_host() -> bool:
    try:
        launch = read_launch()
    except InputError:
        return True
    return launch is None or (launch.rank if launch.local_rank is None else launch.local_rank) == 0
