"""The agent of an elastic job, killed when it asks for a place on the host argv[1] once the file `lost` is there."""

import os
import signal
import sys
from pathlib import Path

from distributed.elastic import agent

take_place = agent.take_place


def take_place_or_die():
    if os.environ["HOROVOD_HOSTNAME"] == sys.argv[1] and Path(os.environ["TEST_GATES"], "lost").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return take_place()


agent.take_place = take_place_or_die
sys.exit(agent.main(sys.argv[2:]))
