"""The rendezvous of the pods of a job without a launcher: a run begins when every rank waits for it.

Rank 0 holds the table. A pod reports each second: its rank, a token that is new for each run that it wants to join,
and its state. A run is over for all when one of its pods reports a new token, or nothing for SILENCE seconds. Each run
has another server of Horovod's, so that no process of an old run can join a new one. A request without the secret that
the pods of the job share is refused, and only its header is read.
"""

import hmac
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any, NamedTuple
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

from horovod.runner.common.util.hosts import get_host_assignments, parse_hosts
from horovod.runner.gloo_run import create_slot_env_vars
from horovod.runner.http.http_server import RendezvousServer

WAITING, RUNNING, DONE, LEAVING = "waiting", "running", "done", "leaving"  # states of a pod
WAIT, GO, OVER, END = "wait", "go", "over", "end"  # answers to it
FRESH = 5.0  # seconds for which the report of a waiting pod is valid
SILENCE = 60.0  # seconds without a report after which a pod is lost
SECRET_HEADER = "X-Job-Secret"
MAX_BYTES = 4096  # of a request; a pod's has 400
REQUEST_SECONDS = 5.0  # to wait for each part of a request


class Report(NamedTuple):
    """The last report of a rank."""

    token: str
    state: str
    time: float


class Rendezvous:
    """The table of the ranks, and the current run, if there is one."""

    def __init__(self, size: int) -> None:
        self.plan = get_host_assignments(parse_hosts(",".join(f"pod-{rank}:1" for rank in range(size))), size)
        self.lock = threading.Lock()
        self.reports: dict[int, Report] = {}  # the last one of each rank
        self.tokens: dict[int, str] = {}  # by rank, of the current run
        self.rendezvous_port: int | None = None  # of Horovod, for the current run
        self.finished = False  # all pods were DONE at the same time; this is final
        self.left: set[int] = set()  # the ranks that have reported LEAVING
        self.all_left = threading.Event()

    def report(self, rank: int, token: str, state: str) -> tuple[str, dict[str, Any]]:
        """Process a report. Returns the answer and its details: the missing ranks or Horovod's variables."""
        if rank not in range(len(self.plan)):
            raise ValueError(f"rank {rank!r} of {len(self.plan)}")
        with self.lock:
            self.reports[self.plan[rank].rank] = Report(token, state, time.monotonic())
            if not self.finished and any(self._is_lost(rank) for rank in self.tokens):
                self.tokens = {}
            if not self.finished and not self.tokens and not self._missing():
                self._begin()
            return self._answer(rank, token, state)

    def listen(self, port: int, secret: str) -> None:
        """Serve reports with the `secret` at `port`, on all addresses, in a thread until this process ends."""
        server = _Server(("", port), _Handler, logRequests=False)
        server.secret = secret.encode()
        report: Callable[..., Any] = self.report
        server.register_function(report, "report")
        threading.Thread(target=server.serve_forever, daemon=True, name="rendezvous").start()

    def _answer(self, rank: int, token: str, state: str) -> tuple[str, dict[str, Any]]:
        self.finished = self.finished or self._all_done()
        if self.finished:
            self._note_leaving(rank, state)
            return END, {}
        if self.tokens.get(rank) != token:
            return (WAIT, {"missing": self._missing()}) if state == WAITING else (OVER, {})
        return (GO, self._variables(rank)) if state == WAITING else (WAIT, {})

    def _note_leaving(self, rank: int, state: str) -> None:
        """Note the report LEAVING, with which a pod confirms that it has received the answer END."""
        if state == LEAVING:
            self.left.add(rank)
        if len(self.left) == len(self.plan):
            self.all_left.set()

    def _begin(self) -> None:
        """Begin a run with a new server of Horovod's."""
        server = RendezvousServer()
        self.rendezvous_port = server.start()
        server.init(self.plan)
        self.tokens = {rank: report.token for rank, report in self.reports.items()}

    def _variables(self, rank: int) -> dict[str, str]:
        """The variables that horovodrun would set, without the server's address, which a pod knows."""
        return {
            **create_slot_env_vars(self.plan[rank]),
            "HOROVOD_GLOO_RENDEZVOUS_PORT": str(self.rendezvous_port),
            "HOROVOD_CONTROLLER": "gloo",
            "HOROVOD_CPU_OPERATIONS": "gloo",
        }

    def _is_lost(self, rank: int) -> bool:
        token, _, reported = self.reports[rank]
        return token != self.tokens[rank] or time.monotonic() - reported > SILENCE

    def _missing(self) -> list[int]:
        since = time.monotonic() - FRESH
        waiting = {rank for rank, each in self.reports.items() if each.state == WAITING and each.time > since}
        return [slot.rank for slot in self.plan if slot.rank not in waiting]

    def _all_done(self) -> bool:
        return bool(self.tokens) and all(self.reports[rank].state == DONE for rank in self.tokens)


class _Server(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True
    secret: bytes


class _Handler(SimpleXMLRPCRequestHandler):
    timeout = REQUEST_SECONDS
    server: _Server

    def do_POST(self) -> None:
        if problem := self._problem():
            self.close_connection = True
            self.send_error(problem)
        else:
            super().do_POST()

    def log_message(self, format: str, *values: object) -> None:
        """Print nothing, so that requests from elsewhere cannot fill the log."""

    def _problem(self) -> HTTPStatus | None:
        """The status with which this request is refused before its body is read, if any."""
        if not hmac.compare_digest(self.headers.get(SECRET_HEADER, "").encode(), self.server.secret):
            return HTTPStatus.FORBIDDEN
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Content-Encoding" in self.headers:
            return HTTPStatus.LENGTH_REQUIRED
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if len(length) > 9 or int(length) > MAX_BYTES else None
