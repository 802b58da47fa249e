"""A network as slow as is asked for between the hosts of hosts.py: a switch that is a thread of this process.

`tc netem` would do it where the kernel has it. The frames of each host's eth0, then a TAP device, come here and are
written to the host that they are for, later. A frame may be nearly 64 KiB, so that the switch itself costs little.
"""

import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import select
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence

from tests.support.hosts import Host

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # linux/if_tun.h
MTU = 60_000


class SlowSwitch:
    """`delay` is in seconds, `rate` in bytes a second to each host, 0 for any; both can be changed at any time."""

    def __init__(self, ports: Sequence[int]):
        self.delay, self.rate = 0.0, 0.0
        self.ports = ports

    def run(self, end: int) -> None:
        """Hand frames on until the file `end` can be read."""
        where: dict[bytes, int] = {}  # the port of each address
        free = dict.fromkeys(self.ports, 0.0)  # when a port has taken its last frame
        waiting: list[tuple[float, int, int, bytes]] = []  # (due, count, port, frame)
        count = itertools.count()
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, port, frame = heapq.heappop(waiting)
                os.write(port, frame)
            timeout = max(0, waiting[0][0] - time.monotonic()) if waiting else None
            ready = select.select([*self.ports, end], [], [], timeout)[0]
            if end in ready:
                return
            now = time.monotonic()
            for source in ready:
                frame = os.read(source, MTU + 100)
                target, where[frame[6:12]] = where.get(frame[:6]), source
                for port in self.ports if target is None else [target]:
                    if port != source:
                        free[port] = max(now, free[port]) + (len(frame) / self.rate if self.rate else 0)
                        heapq.heappush(waiting, (free[port] + self.delay, next(count), port, frame))


@contextlib.contextmanager
def between(hosts: Sequence[Host]) -> Iterator[SlowSwitch]:
    """The switch in the place of the one that joins the running `hosts`, until the block ends."""
    ports = [_tap(host) for host in hosts]
    end, ending = os.pipe()
    switch = SlowSwitch(ports)
    thread = threading.Thread(target=switch.run, args=(end,))
    thread.start()
    try:
        yield switch
    finally:
        os.close(ending)
        thread.join()
        for file in (*ports, end):
            os.close(file)


def _tap(host: Host) -> int:
    """Make eth0 of `host` a TAP device; the file that has its frames."""
    enter = ["nsenter", "--target", str(host.pid), "--net", "ip"]
    subprocess.run([*enter, "link", "delete", "eth0"], check=True)
    own, there = (os.open(f"/proc/{pid}/ns/net", os.O_RDONLY) for pid in (os.getpid(), host.pid))
    set_namespace = ctypes.CDLL(None, use_errno=True).setns  # of this thread alone
    if set_namespace(there, 0):
        raise OSError(ctypes.get_errno(), "setns")
    try:
        port = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(port, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI))
    finally:
        set_namespace(own, 0)
        os.close(own)
        os.close(there)
    subprocess.run([*enter, "address", "add", f"{host.address}/24", "dev", "eth0"], check=True)
    subprocess.run([*enter, "link", "set", "dev", "eth0", "mtu", str(MTU), "up"], check=True)
    return port
