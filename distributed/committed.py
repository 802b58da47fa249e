"""The state of a run that survives the end of its processes. Only elastic jobs have such a memory."""

from collections.abc import Callable


class Committed:
    """No memory: outside of elastic jobs nothing survives but what is on the disk. ElasticCommitted overrides all."""

    is_elastic = False  # can the number of processes change while the job runs?
    commit_every: int | None = None  # steps between two commits within an epoch
    state: bytes | None = None  # as committed last, by this process or by an earlier one in its place
    hosts_updated = False  # are hosts to be added or removed, as far as this rank knows?

    def commit(self, dump: Callable[[], bytes], write: Callable[[], None]) -> None:
        """Hold the state that `dump()` returns. If a rank is lost before the next commit, `write()` saves it."""

    def recover(self, error: Exception) -> None:
        """End this process for another one in the next world, if that can continue in spite of `error`."""
