"""The world of one process, which is also the interface of every larger one."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import numpy as np

from distributed import failure
from distributed.errors import InputError
from distributed.watchdog import Watchdog

if TYPE_CHECKING:
    from mxnet.ndarray import NDArray

T = TypeVar("T")
MAX_FACT = 200  # characters of a fact in the message of `compare`
MAX_STACK = 1 << 15  # characters of a stack in failure.json


class Position(NamedTuple):
    """What a step leads to: `images_done` images of `epoch`, `step` steps in all."""

    epoch: int
    images_done: int
    step: int


class World:
    """A single process: every collective is the identity.

    Every rank calls every method that is not a plain property, in the same order. `HorovodWorld` overrides the
    ones that talk; what can be said once for any size is said here.
    """

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1
    is_elastic = False  # can the number of processes change while the job runs?
    keep_every: int | None = None  # steps between two calls of `keep`; None where nothing outlives the world
    kept: bytes | None = None  # what `keep` was given last, by this process or the one before it in its place
    position: Position | None = None  # of the step that began last, in this process or the one before it in its place
    hosts_updated = False  # does this rank know that processes are to come or go?

    def __init__(self, watchdog: Watchdog | None = None) -> None:
        self.host = socket.gethostname()
        self.watchdog = watchdog
        self.failures_to: Path | None = None  # the folder for failure.json
        self.began = time.time()
        self.may_exit = False  # may ranks end from now on?
        self._block: str | None = None  # what the block of `fail_together` that runs now is about
        if watchdog:
            watchdog.world = self

    @property
    def is_root(self) -> bool:
        """True on the one rank that writes."""
        return self.rank == 0

    def split(self, items: Sequence[T]) -> Sequence[T]:
        """This rank's part of `items`: contiguous, nobody's item twice, parts that differ by at most one item."""
        return items[len(items) * self.rank // self.size : len(items) * (self.rank + 1) // self.size]

    def allreduce(self, vector: "NDArray") -> None:
        """Add up `vector`, an NDArray of one dimension, over all ranks, in place, without waiting."""
        self._check_outside_block()

    def allreduce_float16(self, vector: "NDArray") -> None:
        """The same for a float32 vector that travels as half floats."""
        self._check_outside_block()

    def broadcast(self, arrays: Sequence["NDArray"]) -> None:
        """Overwrite the NDArrays `arrays` with those of rank 0."""
        self._check_outside_block()

    def all_gather_object(self, value: Any) -> list[Any]:
        """`value` of every rank, in the order of the ranks. It is sent as JSON, so that nothing received runs."""
        self._check_outside_block()
        return [value]

    def watch(self, timeout: float | None, failures_to: str | None) -> None:
        """What the config says: after how many seconds without a `heartbeat` this process ends, and None for never;
        and the folder in which failure.json tells of an end that is none of the program's, if any does.
        """
        self.failures_to = Path(failures_to) if failures_to else None
        if self.watchdog and timeout is None:
            self.watchdog.stop()
        elif self.watchdog and timeout is not None:
            self.watchdog.timeout, self.watchdog.option = timeout, "--stall-timeout"

    def heartbeat(self, waiting_for: str) -> None:
        """Tell the watchdog, if there is one, that the run moves, and what it waits for next."""
        if self.watchdog:
            self.watchdog.heartbeat(waiting_for)

    def record_failure(self, reason: str, exit_code: int, stack: str) -> None:
        """Write failure.json, if this rank can and is the first: rank 0 alone makes the folder."""
        facts = {
            "reason": reason,
            "rank": self.rank,
            "size": self.size,
            "host": self.host,
            "step": self.position.step if self.position else None,
            "waiting_for": self.watchdog.waiting_for if self.watchdog else None,
            "exit_code": exit_code,
            "stacks": {f"rank {self.rank} on {self.host}": stack[-MAX_STACK:]},
            "versions": failure.versions(),
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        if self.failures_to:
            with suppress(OSError):  # the screen has it
                failure.write(self.failures_to, facts, since=self.began, makes_folder=self.is_root)

    def begin_step(self, epoch: int, images_done: int, step: int) -> None:
        """Tell what the step that begins now will reach: `images_done` images of `epoch`, `step` steps in all."""
        self.heartbeat(f"the computation of step {step}")
        self.position = Position(epoch, images_done, step)

    def keep(self, state: bytes, write: Callable[[], None]) -> None:
        """Keep `state` in memory for the world after this one; `write()`, called if a rank is lost, saves it."""

    def recover(self, error: Exception) -> None:
        """Where the job outlives `error`: save what is kept and end this process, for its successor to go on."""

    def close(self) -> None:
        """Leave the world in an orderly way: every rank does."""

    def describe_failure(self, error: Exception) -> str | None:
        """One line for an `error` of this rank alone, or None where only a traceback tells enough."""
        return f"{error}" if isinstance(error, OSError) else None

    def abort(self, code: int) -> NoReturn:
        """End this process at once, and with it the job, because the other ranks cannot go on without it."""
        raise SystemExit(code)

    def sum(self, totals: Any) -> np.ndarray:
        """The sum over all ranks of `totals`, a float64 array of any shape, added in the order of the ranks."""
        return np.sum(self.all_gather_object(np.asarray(totals, np.float64).tolist()), axis=0)

    def broadcast_object(self, value: Any) -> Any:
        """Rank 0's `value`, which JSON must be able to hold; what the other ranks pass is ignored."""
        return self.all_gather_object(value if self.is_root else None)[0]

    @contextmanager
    def fail_together(self, what: str) -> Iterator[None]:
        """Run the block on every rank, and raise InputError on all of them where it is raised on any.

        So a file that one host lacks ends the job with one message, and no rank waits for another. `what` the block is
        about goes into the heartbeats. Other exceptions pass through, on their rank alone. A collective within the
        block raises RuntimeError: a rank whose block has failed would not take part in it.
        """
        self._check_outside_block()
        problem = None
        self.heartbeat(f"{what} on this rank")
        self._block = what
        try:
            yield
        except InputError as error:
            problem = [f"{error}", self.host]
        finally:
            self._block = None
        self.heartbeat(f"{what} from all ranks")
        problems = self.all_gather_object(problem)
        if ranks := [rank for rank, found in enumerate(problems) if found]:
            message, host = problems[ranks[0]]
            where = "" if len(ranks) == self.size else f" (rank {ranks[0]} of {self.size}, on {host})"
            raise InputError(f"{message}{where}", ranks)

    def barrier(self) -> None:
        """Wait until every rank is here."""
        self.all_gather_object(None)

    def final_barrier(self, waiting_for: str) -> None:
        """Wait until every rank is here. After that the end of a rank is no loss."""
        self.heartbeat(waiting_for)
        self.barrier()
        self.may_exit = True

    def compare(self, facts: Mapping[str, str]) -> None:
        """Raise InputError on every rank unless `facts` (name to text) are the same on all of them."""
        self.heartbeat("the facts of all ranks, to be compared")
        everywhere = self.all_gather_object([self.host, facts])
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

    def _check_outside_block(self) -> None:
        """Raise RuntimeError within `fail_together`. Every collective calls it first."""
        if self._block is not None:
            raise RuntimeError(f"a collective within the block of fail_together({self._block!r})")
