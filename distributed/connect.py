"""Joining the job that a launcher started, or being a world of one where none did."""

from distributed import environment
from distributed.environment import LaunchError
from distributed.launcher import check_rendezvous, follow_horovodrun, read_launch
from distributed.world import World


def connect() -> World:
    """The world of this process: `World` without a launcher, else `HorovodWorld`.

    LaunchError where Horovod is missing or does not see the processes that the launcher started: training on would
    be as many separate runs, each of which takes itself for rank 0.
    """
    launch = read_launch()
    environment.settle()
    if launch and launch.by == "horovodrun":
        check_rendezvous()
    if launch is None:
        return World()
    follow_horovodrun()
    try:
        from distributed.elastic.world import is_elastic, join
        from distributed.horovod_world import HorovodWorld
    except ImportError as error:
        raise LaunchError(
            f"{launch.by} started {launch.size} processes but Horovod for MXNet is not installed ({error}); "
            "launch/setup.sh builds it"
        ) from None
    if is_elastic():
        return join()  # its size is the driver's to say, and may have changed since this process was started
    world = HorovodWorld()
    if world.size != launch.size:
        raise LaunchError(
            f"{launch.by} started {launch.size} processes but Horovod sees {world.size}; "
            "it was built without this launcher's way to talk: rebuild it with launch/setup.sh"
        )
    return world
