"""The committed state of an elastic job, and the recovery from the loss of a rank."""

from collections.abc import Callable
from contextlib import suppress

import mxnet as mx

from distributed.committed import Committed
from distributed.elastic import rendezvous
from distributed.elastic.memory import Memory
from distributed.errors import InputError, print_error_line
from distributed.exit_codes import RESTART
from distributed.failure_detector import FailureDetector
from distributed.horovod_world import end_process
from distributed.monitor import Monitor

COMMIT_EVERY = 100  # steps: all that the loss of a rank can cost; a commit takes about as long as a step


class ElasticCommitted(Committed):
    """The memory of this process's slot. `resumes`: does any rank hold a state from an earlier world?"""

    is_elastic = True
    commit_every = COMMIT_EVERY

    def __init__(self, memory: Memory, monitor: Monitor, failure_detector: FailureDetector, resumes: bool) -> None:
        self.memory, self.monitor, self.failure_detector, self.resumes = memory, monitor, failure_detector, resumes
        self.state = memory.committed()
        self.write: Callable[[], None] | None = None  # saves the state that is committed

    @property
    def hosts_updated(self) -> bool:  # type: ignore[override]  # the slot's agent sets it
        return self.memory.head.hosts_updated

    def commit(self, dump: Callable[[], bytes], write: Callable[[], None]) -> None:
        self.memory.commit(dump())
        self.write = write

    def recover(self, error: Exception) -> None:
        if not self._is_recoverable(error):
            return
        reason = error if isinstance(error, InputError) else self.failure_detector.describe_loss()
        print_error_line(f"{self.monitor.place}: {reason}; starting again in another world")
        self._save()
        end_process(RESTART)

    def _is_recoverable(self, error: Exception) -> bool:
        """Is `error` the loss of another rank, or bad input of a rank that is new?

        Any other error is the program's, and no slot tries again.
        """
        if self.resumes and isinstance(error, InputError) and error.ranks:
            return self.monitor.rank not in error.ranks
        if not isinstance(error, mx.MXNetError):
            with suppress(OSError):
                rendezvous.report_program_error()
        return self.failure_detector.is_loss(error)

    def _save(self) -> None:
        """Save the committed state before the next world is formed, which may take long or not happen."""
        try:
            if self.write:
                self.write()
        except OSError as error:
            print_error_line(f"warning: {error}; it is kept in memory")
