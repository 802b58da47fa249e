"""Which rank is lost: each has an idle connection to rank 0, which breaks when the process at either end is gone.

Horovod only reports that some connection broke. Over the same connections ranks report progress to each other.
"""

import json
import re
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import mxnet as mx
import psutil

from distributed.watchdog import main_stack

if TYPE_CHECKING:
    from distributed.world import World

CONNECT_SECONDS = 3.0  # for each address of rank 0
REPORT_SECONDS = 5.0  # at most, between two reports of progress
MAX_LINE = 64  # bytes of a line between ranks
ERROR_SECONDS = 0.3  # for a rank that ends with an error to write failure.json itself, or for the job to end
NETWORK_ERROR = re.compile("horovod|gloo|nccl|mpi_|connection|timed? ?out|broken pipe|socket", re.IGNORECASE)


class FailureDetector:
    """Knows the first rank that is lost. Every rank makes one at the same time: it uses the collectives of `world`."""

    def __init__(self, world: "World") -> None:
        self.monitor = world.monitor
        self.hosts: list[str] = world.all_gather_object(self.monitor.host)
        self.lost: int | None = None  # the first rank that is lost
        self.found = threading.Event()
        self.root: socket.socket | None = None  # on the other ranks: the connection to rank 0
        self.peers: dict[int, socket.socket] = {}  # on rank 0: the connections to the others, by rank
        server = socket.create_server(("", 0), backlog=world.size) if world.is_root else None
        offer = [server.getsockname()[1], _addresses(), secrets.token_hex(16)] if server else None
        port, addresses, token = world.broadcast_object(offer)
        watch: Callable[[], None]
        if server:
            watch = partial(self._watch_all, server, token, world.size)
        else:
            near = ["127.0.0.1"] if self.monitor.host == self.hosts[0] else []
            watch = partial(self._watch_root, [*near, *addresses, self.hosts[0]], port, [token, world.rank])
        for thread in (watch, self._report_progress):
            threading.Thread(target=thread, daemon=True, name="failure detector").start()

    def is_loss(self, error: Exception) -> bool:
        """Was `error` raised because a rank is lost? A cut network breaks Horovod's connections, maybe not these."""
        if not isinstance(error, mx.MXNetError):
            return False
        return self.found.wait(timeout=2) or bool(NETWORK_ERROR.search(str(error)))

    def describe_loss(self) -> str:
        """`rank 2 on host b is lost`, or `another rank …` where it is not known which one."""
        who = "another rank" if self.lost is None else f"rank {self.lost} on {self.hosts[self.lost]}"
        return f"{who} is lost"

    def _watch_root(self, addresses: Sequence[str], port: int, greeting: list[Any]) -> None:
        """On the other ranks. Where no address of rank 0 answers (a firewall), this rank detects nothing."""
        for address in addresses:
            try:
                root = socket.create_connection((address, port), CONNECT_SECONDS)
            except OSError:
                continue
            root.settimeout(None)
            with root, root.makefile("rb") as lines, suppress(OSError):  # rank 0 has ended
                root.sendall(json.dumps(greeting).encode() + b"\n")
                self.root = root
                while line := lines.readline(MAX_LINE):
                    self._receive_line(line)
            if self.lost is None:
                self._lose(0)
            return

    def _watch_all(self, server: socket.socket, token: str, size: int) -> None:
        """On rank 0: report the first connection that ends to all others."""
        peers = selectors.DefaultSelector()
        peers.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in peers.select():
                if key.fileobj is server:
                    peer, _ = server.accept()
                    rank = _greeted(peer, token)
                    if rank in range(1, size):
                        self.peers[rank] = peer
                        peers.register(peer, selectors.EVENT_READ, rank)
                elif sent := _receive(self.peers[key.data]):
                    for line in sent.splitlines(keepends=True):
                        self._receive_line(line)
                else:
                    peers.unregister(key.fileobj)
                    del self.peers[key.data]
                    if self.lost is None:
                        _send([*self.peers.values()], f"lost {key.data}\n")
                        self._lose(key.data)

    def _receive_line(self, line: bytes) -> None:
        """Take in a line of another rank: which rank is lost, or how long ago a rank progressed."""
        with suppress(ValueError):  # half a line
            word, number = line.decode("ascii").split()
            if word == "lost":
                self._lose(int(number))
            elif word == "idle" and line.endswith(b"\n"):
                self.monitor.add_report(float(number))

    def _report_progress(self) -> None:
        """Report to the other ranks, while any rank progresses, how long ago: to rank 0, which reports it to all.

        So the watchdogs do not end a job in which one rank does what takes long, a download for instance.
        """
        while True:
            timeout = self.monitor.timeout
            period = REPORT_SECONDS if timeout is None else min(REPORT_SECONDS, timeout / 6)
            time.sleep(period)
            if self.monitor.idle < period:
                _send([self.root] if self.root else [*self.peers.values()], f"idle {self.monitor.idle:.1f}\n")

    def _lose(self, rank: int) -> None:
        """Note that `rank` is lost. Rank 0 writes failure.json, or every other rank where it is rank 0 itself."""
        self.lost = rank
        self.found.set()
        if self.monitor.rank == 0 or rank == 0:
            time.sleep(ERROR_SECONDS)
            if not self.monitor.may_exit:
                self.monitor.record_failure(f"rank {rank} on {self.hosts[rank]} is lost", 1, main_stack())


def _greeted(peer: socket.socket, token: str) -> Any:
    """The rank that `peer` says it is, if it knows the token of this job."""
    peer.settimeout(CONNECT_SECONDS)
    try:
        sent, rank = json.loads(peer.recv(200))
        return rank if secrets.compare_digest(sent, token) else None
    except (OSError, ValueError, TypeError):
        return None


def _receive(peer: socket.socket) -> bytes:
    """What `peer` sends next, or nothing if its process has ended."""
    try:
        return peer.recv(MAX_LINE)
    except OSError:
        return b""


def _send(peers: Iterable[socket.socket], line: str) -> None:
    """Send a short line without waiting for ranks that do not read."""
    for peer in peers:
        with suppress(OSError):  # it has ended as well
            peer.send(line.encode(), socket.MSG_DONTWAIT)


def _addresses() -> list[str]:
    """The IPv4 addresses of this host, loopback left out."""
    found = [each for addresses in psutil.net_if_addrs().values() for each in addresses]
    return [each.address for each in found if each.family == socket.AF_INET and not each.address.startswith("127.")]
