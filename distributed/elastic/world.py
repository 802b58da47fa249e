"""The world of an elastic job: a process is in one world, and the slot's agent starts another process for the next one.

horovodrun forms the worlds (`horovodrun --min-np …`, see launch/elastic.sh). Rank 0 broadcasts the state; Horovod
makes a slot rank 0 that was in the world before, if any is left.
"""

import os

import mxnet as mx

from distributed.elastic.committed import ElasticCommitted
from distributed.elastic.memory import DESCRIPTOR, Memory
from distributed.errors import InputError, print_error_line
from distributed.exit_codes import RESTART
from distributed.horovod_world import HorovodWorld
from distributed.monitor import Monitor


class ElasticWorld(HorovodWorld):
    """The ranks of an elastic job between two changes of their number. `memory` is that of this process's slot."""

    def __init__(self, memory: Memory, monitor: Monitor) -> None:
        monitor.allow_exit()
        monitor.keep_position_in(memory.head.position)
        memory.head.is_starting = True
        super().__init__(monitor)
        memory.head.is_starting = False
        resumes = any(self.all_gather_object(memory.committed() is not None))
        self.committed = ElasticCommitted(memory, monitor, self._failure_detector, resumes)


def join(monitor: Monitor) -> ElasticWorld:
    """The world of this process. InputError: no agent started it."""
    descriptor = os.environ.get(DESCRIPTOR)
    if descriptor is None:
        raise InputError("an elastic job needs an agent in each slot: start it with launch/elastic.sh")
    try:
        return ElasticWorld(Memory(int(descriptor)), monitor)
    except mx.MXNetError:
        print_error_line("another rank is lost while this one starts; starting again")
        os._exit(RESTART)
