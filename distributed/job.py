"""A job from its start to its exit code, on every rank."""

import sys
import traceback

from distributed.connect import connect
from distributed.launcher import read_launch
from distributed.world import LaunchError


def run_job(work, expected):
    """Exit code of `work(world)` run in the world that the launcher made.

    The exceptions `expected`, raised on all ranks alike, and LaunchError end the job with one line and their
    `exit_code`. Anything else ends all ranks with exit code 1, because those that are well would wait for the one
    that is not.
    """
    world = None
    try:
        world = connect()
        code = work(world)
        world.close()
        return code
    except (*expected, LaunchError) as error:
        if _speaks(world):
            print(f"error: {error}", file=sys.stderr, flush=True)
        if world is not None:
            world.close()
        return error.exit_code
    except Exception as error:
        if world is None:
            raise
        reason = world.explain(error)
        print(f"error: rank {world.rank} of {world.size} on {world.host}: {reason or error}", file=sys.stderr)
        if reason is None:
            traceback.print_exc()
        world.abort(1)


def _speaks(world):
    """Is this the one rank that reports for all? Before there is a world, the launcher's word has to do."""
    if world is not None:
        return world.is_root
    try:
        launch = read_launch()
    except ValueError:
        return True
    return launch is None or launch.rank == 0
