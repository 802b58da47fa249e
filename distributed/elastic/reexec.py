"""How a process of an elastic job gets its place in the next world, and outlives a Horovod that cannot start there."""

import ctypes
import os
import pickle
import select
import sys
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from distributed.world import LeaveJob

PLACE = ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE", "CROSS_RANK", "CROSS_SIZE")  # as the launcher sends them
ELASTIC = "HOROVOD_ELASTIC"
HANDED_OVER = "HOROVOD_HANDED_OVER"  # the descriptor of what the program before this one kept
PERIOD, PATIENCE = 0.5, 2.0  # seconds between two looks at the launcher, and until it counts as gone: it kills after 5
NOTE = "/program/error"  # where a rank tells the launcher's store that the program is at fault


def take_place():
    """Be ready for the next world, wait until it is made, and take the place in it. LeaveJob: there is none.

    Horovod would ask the same by itself, and abort where the answer is no.
    """
    try:
        place = _wait_for(f"/rank_and_size/{_variable('HOSTNAME')}:{_variable('LOCAL_RANK')}")
        _ask("GET", NOTE)  # a launcher that has ended the job can still answer those who wait, but no one after them
    except (OSError, HTTPException):
        raise LeaveJob("the launcher has ended the job: fewer processes were left than --min-np", 1) from None
    numbers = place.decode().split(",")
    if numbers[0] == "-1":
        raise LeaveJob("this host is no longer one of the job's: leaving it", 0)
    for name, number in zip(PLACE, numbers):
        os.environ[f"HOROVOD_{name}"] = number
    os.environ[ELASTIC] = "0"  # or Horovod asks as well; what else it needs of this, it read the first time


def blame_program():
    """Tell the ranks that are left that another try would end like this one."""
    _ask("PUT", NOTE, b"1")


def is_program_to_blame():
    """Has a rank ended by an error of the program, and not by one of its machine?"""
    try:
        return _ask("GET", NOTE).status == 200
    except (OSError, HTTPException):
        return False  # the launcher is gone: take_place will say so


@contextmanager
def begin_anew_if_broken(state):
    """In this block, let this process begin its program anew, with `state`, where C++ would end it.

    Horovod's start cannot be caught in Python: a rank that is lost meanwhile is an exception in a thread of its own.
    """
    c_plus_plus = ctypes.CDLL("libstdc++.so.6")
    set_terminate = c_plus_plus._ZSt13set_terminatePFvvE
    set_terminate.restype, set_terminate.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    handler = ctypes.CFUNCTYPE(None)(lambda: _begin_anew(state))
    before = set_terminate(ctypes.cast(handler, ctypes.c_void_p))
    try:
        yield
    finally:
        set_terminate(before)


def handed_over():
    """The `state` with which this program was begun anew, or None if it was not."""
    descriptor = os.environ.pop(HANDED_OVER, None)
    if descriptor is None:
        return None
    with os.fdopen(int(descriptor), "rb") as memory:
        return pickle.load(memory)  # of this very process: no one else can have written it


def _begin_anew(state):
    try:
        memory = os.memfd_create("kept", 0)
        with os.fdopen(os.dup(memory), "wb") as file:
            pickle.dump(state, file)
        os.lseek(memory, 0, os.SEEK_SET)
        words = Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]
        variables = {**os.environ, ELASTIC: "1", HANDED_OVER: str(memory)}
        os.execve(sys.executable, [sys.executable, *words[1:]], variables)
    finally:
        os._exit(1)


def _wait_for(path):
    """What the launcher answers once it can. OSError: it has ended the job, or itself."""
    connection = _connect()
    try:
        connection.request("GET", path)
        while not select.select([connection.sock], [], [], PERIOD)[0]:
            _ask("GET", NOTE)
        return connection.getresponse().read()
    finally:
        connection.close()


def _ask(method, path, body=None):
    """The launcher's answer to what it can answer at once."""
    connection = _connect()
    try:
        connection.request(method, path, body)
        return connection.getresponse()
    finally:
        connection.close()


def _connect():
    """A connection to the launcher's store, never by a proxy."""
    address, port = _variable("GLOO_RENDEZVOUS_ADDR"), int(_variable("GLOO_RENDEZVOUS_PORT"))
    return HTTPConnection(address, port, timeout=PATIENCE)


def _variable(name):
    return os.environ[f"HOROVOD_{name}"]
