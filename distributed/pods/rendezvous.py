"""Where the pods of a job without a launcher meet: a run begins when every rank waits for it.

Rank 0 keeps the table. A pod reports each second: its rank, a token that is new for each run that it wants to
join, and what it does. A run is over for all as soon as one of its pods comes with a new token or is silent.
Nothing of an old run gets into a new one, because each run has a rendezvous of its own.
"""

import threading
import time
from socketserver import ThreadingMixIn
from typing import NamedTuple
from xmlrpc.server import SimpleXMLRPCServer

from horovod.runner.common.util.hosts import get_host_assignments, parse_hosts
from horovod.runner.gloo_run import create_slot_env_vars
from horovod.runner.http.http_server import RendezvousServer

WAITING, RUNNING, DONE, LEAVING = "waiting", "running", "done", "leaving"  # what a pod does
WAIT, GO, OVER, END = "wait", "go", "over", "end"  # what it is told
FRESH = 5.0  # seconds for which a report that a pod waits is believed
SILENCE = 60.0  # seconds without a report after which a pod is lost


class Report(NamedTuple):
    """The last report of a rank."""

    token: str
    state: str
    time: float


class Rendezvous:
    """The table of the ranks and the run that is under way, if there is one."""

    def __init__(self, size):
        self.plan = get_host_assignments(parse_hosts(",".join(f"pod-{rank}:1" for rank in range(size))), size)
        self.lock = threading.Lock()
        self.seen = {}  # rank: Report
        self.tokens = {}  # rank: token, of the run under way
        self.rendezvous_port = None
        self.finished = False  # all were done at once: nothing can change that any more
        self.left, self.all_left = set(), threading.Event()

    def report(self, rank, token, state):
        """Take in a report. The answer, and what belongs to it: the missing ranks or Horovod's variables."""
        with self.lock:
            self.seen[self.plan[rank].rank] = Report(token, state, time.monotonic())
            if not self.finished and any(self._is_lost(rank) for rank in self.tokens):
                self.tokens = {}
            if not self.finished and not self.tokens and not self._missing():
                self._begin()
            return self._answer(rank, token, state)

    def listen(self, port):
        """Take reports at `port`, on all addresses, until this process ends."""
        server = _Server(("", port), logRequests=False)
        server.register_function(self.report)
        threading.Thread(target=server.serve_forever, daemon=True, name="meeting").start()

    def _answer(self, rank, token, state):
        self.finished = self.finished or self._all_done()
        if self.finished:
            self._note_leaving(rank, state)
            return END, {}
        if self.tokens.get(rank) != token:
            return (WAIT, {"missing": self._missing()}) if state == WAITING else (OVER, {})
        return (GO, self._variables(rank)) if state == WAITING else (WAIT, {})

    def _note_leaving(self, rank, state):
        """Only a pod's own word that it leaves tells that it has got the answer before."""
        if state == LEAVING:
            self.left.add(rank)
        if len(self.left) == len(self.plan):
            self.all_left.set()

    def _begin(self):
        """The rendezvous of earlier runs go on: what is left of such a run fails there, and not here."""
        server = RendezvousServer()
        self.rendezvous_port = server.start()
        server.init(self.plan)
        self.tokens = {rank: report.token for rank, report in self.seen.items()}

    def _variables(self, rank):
        """What horovodrun would set, but for the rendezvous' address: a pod knows where it met."""
        return {
            **create_slot_env_vars(self.plan[rank]),
            "HOROVOD_GLOO_RENDEZVOUS_PORT": str(self.rendezvous_port),
            "HOROVOD_CONTROLLER": "gloo",
            "HOROVOD_CPU_OPERATIONS": "gloo",
        }

    def _is_lost(self, rank):
        token, _, reported = self.seen[rank]
        return token != self.tokens[rank] or time.monotonic() - reported > SILENCE

    def _missing(self):
        since = time.monotonic() - FRESH
        waiting = {rank for rank, each in self.seen.items() if each.state == WAITING and each.time > since}
        return [slot.rank for slot in self.plan if slot.rank not in waiting]

    def _all_done(self):
        return bool(self.tokens) and all(self.seen[rank].state == DONE for rank in self.tokens)


class _Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True
