"""Elastic training for MXNet, which Horovod brings for other frameworks alone: a world that survives its ranks.

The launcher chooses it (`horovodrun --min-np …`). After a resize, or after the loss of a rank, every process that is
left and every new one goes through the start of the job again; what training had reached is kept in memory, and
rank 0, which Horovod's driver always gives to a process that was there before, tells it to all.
"""

import os
import time
from contextlib import suppress

import horovod.mxnet as hvd
import mxnet as mx
from horovod.common.elastic import notification_manager

from distributed.horovod_world import HorovodWorld

KEEP_EVERY = 20  # steps between two copies of the state in memory: all that a loss can cost
TRIES = 3  # joining again, while still more ranks are lost


class ElasticWorld(HorovodWorld):
    """The ranks of an elastic job between two resizes."""

    keep_every = KEEP_EVERY

    def __init__(self, kept=None, reached=None):
        super().__init__()
        self.kept, self.reached = kept, reached
        self.hosts_changed = False
        notification_manager.init()
        notification_manager.register_listener(self)

    def on_hosts_updated(self, timestamp, update):
        """Called by Horovod's notification thread, on rank 0 alone; the loop tells the others."""
        self.hosts_changed = True

    @property
    def wants_resize(self):
        return self.hosts_changed

    def keep(self, state):
        self.kept = state

    def renew(self, error):
        """The world after this one. `error` is what ended it: None for a resize that all ranks agreed on."""
        if error is not None and not self._is_loss(error):
            return None
        notification_manager.remove_listener(self)
        self.unwatch()
        for attempt in range(TRIES):
            self._leave()
            try:
                return ElasticWorld(self.kept, self.reached)
            except (RuntimeError, mx.MXNetError, hvd.HorovodInternalError):
                if attempt == TRIES - 1:
                    raise
                time.sleep(1)

    def _leave(self):
        """Shut Horovod down, and take from MXNet's engine the errors that the loss left in it."""
        with suppress(mx.MXNetError):
            mx.nd.waitall()
        hvd.shutdown()


def is_elastic(environment=os.environ):
    """Did horovodrun start this process as one of an elastic job?"""
    return environment.get("HOROVOD_ELASTIC") == "1"
