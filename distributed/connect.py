"""Connect a process to the job that its launcher started; without a launcher, make a world of one."""

import os

from distributed import environment
from distributed.errors import InputError
from distributed.launcher import check_rendezvous, follow_horovodrun, read_launch
from distributed.monitor import Monitor
from distributed.world import World

# Gloo would end the interpreter without a message after waiting for 30 seconds: the watchdog prints one before. An
# elastic job needs Gloo's own timeout, after which its processes try again.
GLOO_SECONDS = "86400"


def connect(monitor: Monitor | None = None) -> World:
    """The world of this process: `World` without a launcher, else `HorovodWorld`.

    InputError: Horovod is missing or does not see the processes that the launcher started. Each would train alone, as
    rank 0 of one.
    """
    monitor = monitor or Monitor()
    launch = read_launch()
    environment.settle()
    if launch:
        monitor.heartbeat("the launcher, MXNet and Horovod, to be loaded")
    if launch and launch.by == "horovodrun":
        check_rendezvous()
    if launch is None:
        return World(monitor)
    follow_horovodrun()
    try:
        from distributed.elastic.world import join
        from distributed.horovod_world import HorovodWorld
    except ImportError as error:
        raise InputError(
            f"{launch.by} started {launch.size} processes but Horovod for MXNet is not installed ({error}); "
            "launch/setup.sh builds it"
        ) from None
    if os.environ.get("HOROVOD_ELASTIC") == "1":
        return join(monitor)
    os.environ.setdefault("HOROVOD_GLOO_TIMEOUT_SECONDS", GLOO_SECONDS)
    world = HorovodWorld(monitor)
    if world.size != launch.size:
        raise InputError(
            f"{launch.by} started {launch.size} processes but Horovod sees {world.size}; "
            "it was built without this launcher's transport: rebuild it with launch/setup.sh"
        )
    return world
