"""Elastic training for MXNet, which Horovod brings for other frameworks alone: a world that survives its ranks.

The launcher chooses it (`horovodrun --min-np …`). After a resize, or after the loss of a rank, every process that is
left and every new one goes through the start of the job again; what training had reached is kept in memory, and
rank 0, which Horovod's driver always gives to a process that was there before, tells it to all.
"""

import os
import socket
import sys
from contextlib import suppress

import horovod.mxnet as hvd
import mxnet as mx
from horovod.common.elastic import notification_manager

from distributed.elastic import reexec
from distributed.horovod_world import HorovodWorld
from distributed.world import LeaveJob

KEEP_EVERY = 100  # steps between two copies of the state in memory: all that a loss can cost; a copy takes about a step
TRIES = 5  # joining again, while still more ranks are lost


class HostChanges:
    """Have the job's hosts changed since the last world was made? Horovod tells rank 0 alone; the loop tells all."""

    def __init__(self):
        self.seen = False

    def listen(self):
        """Hear of changes from now on; again for nothing."""
        notification_manager.init()
        notification_manager.register_listener(self)

    def on_hosts_updated(self, timestamp, update):
        """Called by Horovod's notification thread."""
        self.seen = True


host_changes = HostChanges()  # of this process: a change while two worlds take turns must not be missed


class ElasticWorld(HorovodWorld):
    """The ranks of an elastic job between two resizes."""

    keep_every = KEEP_EVERY

    def __init__(self, kept=None, reached=None, tries=TRIES):
        before = _sockets()
        with reexec.begin_anew_if_broken((kept, reached, tries - 1)):
            super().__init__()
        self.sockets = _sockets() - before
        self.kept, self.reached, self.write = kept, reached, None
        self.goes_on = any(self.all_gather(kept is not None))
        host_changes.listen()

    @property
    def wants_resize(self):
        return host_changes.seen

    def keep(self, state, write):
        self.kept, self.write = state, write

    def renew(self, error):
        """The world after this one. `error` is what ended it: None for a resize that all ranks agreed on."""
        if error is not None and not self._outlives(error):
            return None
        self.unwatch()
        self.failure_detector.close()
        if error is not None:
            self._cut()
            self._write()
        return _join(self.kept, self.reached, TRIES)

    def explain(self, error):
        return f"{error}" if hasattr(error, "ranks") else super().explain(error)

    def _outlives(self, error):
        """Is `error` the loss of another rank, or that of a new one? One of the program no rank is to meet again."""
        if self.goes_on and hasattr(error, "ranks"):
            return self.rank not in error.ranks
        if not isinstance(error, mx.MXNetError):
            with suppress(OSError):
                reexec.blame_program()
            return False
        return self._is_loss(error) and not reexec.is_program_to_blame()

    def _cut(self):
        """Break Horovod's connections: a rank that waits for this one, and not for the lost one, would wait on."""
        for number, _ in self.sockets & _sockets():
            with suppress(OSError), socket.socket(fileno=os.dup(number)) as connection:
                connection.shutdown(socket.SHUT_RDWR)

    def _write(self):
        """Save what is kept before waiting for others: nobody knows how many come."""
        try:
            if self.write:
                self.write()
        except OSError as error:
            print(f"warning: {error}; it is kept in memory", file=sys.stderr, flush=True)


def join():
    """The first world of this process, or the next one if it began its program anew."""
    handed_over = reexec.handed_over()
    return _join(*handed_over) if handed_over else ElasticWorld()


def _join(kept, reached, tries):
    """The next world, in one of so many `tries`; each costs the ranks that are lost in it."""
    for left in range(tries, 0, -1):
        _leave()
        host_changes.seen = False
        reexec.take_place()
        with suppress(mx.MXNetError):  # another rank is lost
            return ElasticWorld(kept, reached, left)
    raise LeaveJob(f"no new world in {TRIES} tries: the processes of the job do not reach each other", 1)


def _sockets():
    """The sockets of this process: {(descriptor, name that no other one has)}."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # it was the folder's own
            found.add((int(number), os.readlink(f"/proc/self/fd/{number}")))
    return {each for each in found if each[1].startswith("socket:")}


def _leave():
    """Shut Horovod down, and take from MXNet's engine the errors that a loss left in it."""
    with suppress(mx.MXNetError):
        mx.nd.waitall()
    hvd.shutdown()


def is_elastic(environment=os.environ):
    """Did horovodrun start this process as one of an elastic job?"""
    return environment.get(reexec.ELASTIC) == "1"
