"""Which rank is lost: each has an idle connection to rank 0, which breaks when the process at either end is gone.

Horovod only tells that some connection broke. The detector is asked after such an error; by itself it only writes
failure.json. The same connections carry which rank moved last, for the watchdogs of the ranks that wait for it.
"""

import json
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil

from distributed.watchdog import main_stack

if TYPE_CHECKING:
    from distributed.world import World

CONNECT_SECONDS = 3.0  # for each address of rank 0
LONGEST = 64  # bytes of a line between ranks
RANKS_OWN_WORDS = 0.3  # seconds for a rank that ends with an error to write its own failure.json, or for the job to end


class FailureDetector:
    """Knows the first rank that was lost. Every rank makes one at the same time: it uses the world's collectives."""

    def __init__(self, world: "World") -> None:
        self.hosts: list[str] = world.all_gather_object(world.host)
        self.lost: int | None = None  # the first rank that was lost
        self.found = threading.Event()
        self.world = world
        self.root: socket.socket | None = None  # on the other ranks: the connection to rank 0
        self.peers: dict[int, socket.socket] = {}  # on rank 0: the connections to the others, by rank
        if world.watchdog:
            world.watchdog.tell_ranks = self._tell_idle
        server = socket.create_server(("", 0), backlog=world.size) if world.is_root else None
        offer = [server.getsockname()[1], _addresses(), secrets.token_hex(16)] if server else None
        port, addresses, token = world.broadcast_object(offer)
        watch: Callable[[], None]
        if server:
            watch = partial(self._watch_all, server, token, world.size)
        else:
            near = ["127.0.0.1"] if world.host == self.hosts[0] else []
            watch = partial(self._watch_root, [*near, *addresses, self.hosts[0]], port, [token, world.rank])
        threading.Thread(target=watch, daemon=True, name="failure detector").start()

    def first_lost(self, seconds: float) -> str | None:
        """`rank 2 on host b`, once it is known and at most `seconds` later; None if nobody is known to be lost."""
        if not self.found.wait(seconds) or self.lost is None:
            return None
        return f"rank {self.lost} on {self.hosts[self.lost]}"

    def _watch_root(self, addresses: Sequence[str], port: int, greeting: list[Any]) -> None:
        """On the other ranks. Where no address of rank 0 answers (a firewall), this rank detects nothing."""
        for address in addresses:
            try:
                root = socket.create_connection((address, port), CONNECT_SECONDS)
            except OSError:
                continue
            root.settimeout(None)
            with root, root.makefile("rb") as lines, suppress(OSError):  # of the end of rank 0
                root.sendall(json.dumps(greeting).encode() + b"\n")
                self.root = root
                while line := lines.readline(LONGEST):
                    self._take(line)
            if self.lost is None:
                self._lose(0)
            return

    def _watch_all(self, server: socket.socket, token: str, size: int) -> None:
        """On rank 0: the first end of a connection is told to all others."""
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
                        self._take(line)
                else:
                    peers.unregister(key.fileobj)
                    del self.peers[key.data]
                    if self.lost is None:
                        _send([*self.peers.values()], f"lost {key.data}\n")
                        self._lose(key.data)

    def _take(self, line: bytes) -> None:
        """Take in what another rank says: which one is lost, or when somebody has moved."""
        with suppress(ValueError):  # half a line
            word, number = line.decode("ascii").split()
            if word == "lost":
                self._lose(int(number))
            elif word == "idle" and line.endswith(b"\n") and self.world.watchdog:
                self.world.watchdog.heard.append(float(number))

    def _tell_idle(self, seconds: float) -> None:
        """Tell the ranks that one was seen to move so many seconds ago: rank 0 hears it from all, and all from it.

        So nobody ends a job in which one rank does what takes long, a download for instance, and the others wait.
        """
        _send([self.root] if self.root else [*self.peers.values()], f"idle {seconds:.1f}\n")

    def _lose(self, rank: int) -> None:
        self.lost = rank
        self.found.set()
        if self.world.is_elastic or not (self.world.is_root or rank == 0):
            return
        time.sleep(RANKS_OWN_WORDS)
        if not self.world.may_exit:
            self.world.record_failure(f"rank {rank} on {self.hosts[rank]} is lost", 1, main_stack())


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
        return peer.recv(64)
    except OSError:
        return b""


def _send(peers: Iterable[socket.socket], line: str) -> None:
    """Send a short line without waiting for those that do not read."""
    for peer in peers:
        with suppress(OSError):  # it has ended as well
            peer.send(line.encode(), socket.MSG_DONTWAIT)


def _addresses() -> list[str]:
    """The IPv4 addresses of this host, loopback left out."""
    found = [each for addresses in psutil.net_if_addrs().values() for each in addresses]
    return [each.address for each in found if each.family == socket.AF_INET and not each.address.startswith("127.")]
