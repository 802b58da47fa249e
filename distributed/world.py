"""The world of one process, which is also the interface of every larger one."""

import traceback
from bdb import BdbQuit
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import numpy as np

from distributed import affinity
from distributed.committed import Committed
from distributed.errors import InputError, print_error_line
from distributed.exit_codes import FAILED, report_exit_code
from distributed.monitor import Monitor

if TYPE_CHECKING:
    from mxnet.ndarray import NDArray

T = TypeVar("T")


class Local(NamedTuple):
    """The place of a rank among those of its host, and its share of the host's cores."""

    rank: int
    size: int
    cores: int


MAX_FACT = 200  # characters of a fact in the message of `compare`


class World:
    """A single process, for which every collective is the identity. `HorovodWorld` overrides what communicates.

    Every rank calls the collectives in the same order: all methods but `split` and `abort`.
    """

    rank = 0
    size = 1
    local: Local  # this rank's place on its host
    monitor: Monitor  # the progress of the ranks, and failures
    committed: Committed  # what survives the end of a rank

    def __init__(self, monitor: Monitor | None = None) -> None:
        self.monitor = monitor or Monitor()
        self.committed = Committed()
        self.local = Local(0, 1, affinity.share_of_cores())
        self._block: str | None = None  # what the block of `fail_together` that runs now is about

    @property
    def is_root(self) -> bool:
        """True on the one rank that writes."""
        return self.rank == 0

    def split(self, items: Sequence[T]) -> Sequence[T]:
        """This rank's part of `items`. The parts are contiguous and disjoint; their lengths differ by at most one."""
        return items[len(items) * self.rank // self.size : len(items) * (self.rank + 1) // self.size]

    def allreduce(self, vector: "NDArray", as_float16: bool = False) -> None:
        """Sum `vector`, an NDArray of one dimension, over all ranks: in place, queued on the device.

        With `as_float16` a float32 vector is sent as half floats.
        """
        self._check_outside_block()

    def broadcast(self, arrays: Sequence["NDArray"]) -> None:
        """Overwrite the NDArrays `arrays` with those of rank 0."""
        self._check_outside_block()

    def all_gather_object(self, value: Any) -> list[Any]:
        """`value` of every rank, in the order of the ranks. It is sent as JSON, so that nothing received runs."""
        self._check_outside_block()
        return [value]

    def broadcast_object(self, value: Any) -> Any:
        """Rank 0's `value`, which is sent as JSON. The values of the other ranks are ignored."""
        return self.all_gather_object(value if self.is_root else None)[0]

    def sum(self, totals: Any) -> np.ndarray:
        """The sum over all ranks of `totals`, a float64 array of any shape, added in the order of the ranks."""
        return np.sum(self.all_gather_object(np.asarray(totals, np.float64).tolist()), axis=0)

    def barrier(self, waiting_for: str = "all ranks") -> None:
        """Wait until every rank has called this."""
        self.monitor.heartbeat(waiting_for)
        self.all_gather_object(None)

    def compare(self, facts: Mapping[str, str]) -> None:
        """Raise InputError on every rank unless `facts` (name to text) are the same on all of them."""
        self.monitor.heartbeat("the facts of all ranks, to be compared")
        everywhere = self.all_gather_object([self.monitor.host, facts])
        root_host, root_facts = everywhere[0]
        for name, expected in root_facts.items():
            ranks = [rank for rank, (_, own) in enumerate(everywhere) if own.get(name) != expected]
            if ranks:
                others = ", ".join(f"rank {rank} on {everywhere[rank][0]}" for rank in ranks)
                message = (
                    f"{name} differs between the processes: rank 0 on {root_host} has {expected[:MAX_FACT]}, "
                    f"{others} has {everywhere[ranks[0]][1].get(name, 'none')[:MAX_FACT]}"
                )
                raise InputError(message, ranks)

    @contextmanager
    def fail_together(self, what: str) -> Iterator[None]:
        """Run the block on every rank, and raise InputError on all of them where it is raised on any.

        So a file that one host lacks ends the job with one message, and no rank waits for another. `what` the block is
        about goes into the heartbeats. Other exceptions pass through, on their rank alone. A collective within the
        block raises RuntimeError: a rank whose block has failed would not take part in it.
        """
        self._check_outside_block()
        problem = None
        self.monitor.heartbeat(f"{what} on this rank")
        self._block = what
        try:
            yield
        except InputError as error:
            problem = [f"{error}", self.monitor.host]
        finally:
            self._block = None
        self.monitor.heartbeat(f"{what} from all ranks")
        problems = self.all_gather_object(problem)
        if ranks := [rank for rank, found in enumerate(problems) if found]:
            message, host = problems[ranks[0]]
            where = "" if len(ranks) == self.size else f" (rank {ranks[0]} of {self.size}, on {host})"
            raise InputError(f"{message}{where}", ranks)

    def close(self) -> None:
        """Leave the world. Every rank does, when all is done or all have failed together."""
        self.monitor.allow_exit()

    def abort(self, error: Exception) -> NoReturn:
        """Report `error` of this rank alone and end the job at once: the other ranks would wait for this one."""
        reason, stack = self._describe(error), "".join(traceback.format_exception(error))
        text = reason or f"{error}\n{stack.rstrip()}"
        print_error_line(f"error: {self.monitor.place}: {text}")
        if self.is_root:
            report_exit_code(FAILED)
        self.monitor.record_failure(reason or f"{type(error).__name__}: {error}", FAILED, stack)
        self._end_process(FAILED)

    def _describe(self, error: Exception) -> str | None:
        """One line for an `error` of this rank alone, or None where only a traceback says enough."""
        if isinstance(error, BdbQuit):
            return "the debugger was left"
        return f"{error}" if isinstance(error, OSError) else None

    def _end_process(self, code: int) -> NoReturn:
        raise SystemExit(code)

    def _check_outside_block(self) -> None:
        """Raise RuntimeError within `fail_together`. Every collective calls it first."""
        if self._block is not None:
            raise RuntimeError(f"a collective within the block of fail_together({self._block!r})")
