"""The world of a job whose processes come and go. Each process is in one world; its agent starts the next one.

The launcher chooses it (`horovodrun --min-np …`, see launch/elastic.sh). Rank 0 tells all others where training stands;
Horovod's driver always makes a slot rank 0 that was in the world before, if one is left.
"""

import os
from collections.abc import Callable
from contextlib import suppress

import mxnet as mx

from distributed.elastic import rendezvous
from distributed.elastic.memory import DESCRIPTOR, Memory
from distributed.errors import InputError, print_error_line
from distributed.exit_codes import RESTART
from distributed.horovod_world import HorovodWorld
from distributed.watchdog import Watchdog
from distributed.world import Position

KEEP_EVERY = 100  # steps between two copies of the state in memory: all that a loss can cost; a copy takes about a step


class ElasticWorld(HorovodWorld):
    """The ranks of an elastic job between two resizes. `memory` is that of this process's slot."""

    is_elastic = True
    keep_every = KEEP_EVERY

    def __init__(self, memory: Memory, watchdog: Watchdog | None) -> None:
        self.memory = memory
        self.write: Callable[[], None] | None = None
        memory.head.is_starting = True
        super().__init__(watchdog)
        memory.head.is_starting = False
        self.kept = memory.kept()
        self.position = Position(*memory.head.position) if any(memory.head.position) else None
        self.goes_on = any(self.all_gather_object(self.kept is not None))

    @property
    def hosts_updated(self) -> bool:  # type: ignore[override]  # it changes by itself
        return self.memory.head.hosts_changed

    def begin_step(self, epoch: int, images_done: int, step: int) -> None:
        super().begin_step(epoch, images_done, step)
        self.memory.head.position[:] = epoch, images_done, step

    def keep(self, state: bytes, write: Callable[[], None]) -> None:
        self.memory.keep(state)
        self.write = write

    def recover(self, error: Exception) -> None:
        if not self._is_recoverable(error):
            return
        where = f"rank {self.rank} of {self.size} on {self.host}"
        print_error_line(f"{where}: {self.describe_failure(error)}; starting again in another world")
        self._write()
        self.abort(RESTART)

    def describe_failure(self, error: Exception) -> str | None:
        return f"{error}" if isinstance(error, InputError) else super().describe_failure(error)

    def _is_recoverable(self, error: Exception) -> bool:
        """Is `error` the loss of another rank, or that of a new one? One of the program no rank is to meet again."""
        if self.goes_on and isinstance(error, InputError) and error.ranks:
            return self.rank not in error.ranks
        if not isinstance(error, mx.MXNetError):
            with suppress(OSError):
                rendezvous.report_program_error()
        return self._is_loss(error)

    def _write(self) -> None:
        """Save what is kept before waiting for others: nobody knows how many come."""
        try:
            if self.write:
                self.write()
        except OSError as error:
            print_error_line(f"warning: {error}; it is kept in memory")


def join(watchdog: Watchdog | None) -> ElasticWorld:
    """The world of this process. InputError: no agent started it."""
    descriptor = os.environ.get(DESCRIPTOR)
    if descriptor is None:
        raise InputError("an elastic job needs an agent in each slot: start it with launch/elastic.sh")
    try:
        return ElasticWorld(Memory(int(descriptor)), watchdog)
    except mx.MXNetError:
        print_error_line("another rank is lost while this one starts; starting again")
        os._exit(RESTART)
