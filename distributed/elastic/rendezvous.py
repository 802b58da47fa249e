"""The rendezvous of an elastic job: the launcher's store, from which a slot gets its place in the next world."""

import os
import select
from http.client import HTTPConnection, HTTPException, HTTPResponse

PLACE = ("RANK", "SIZE", "LOCAL_RANK", "LOCAL_SIZE", "CROSS_RANK", "CROSS_SIZE")  # as the launcher sends them
POLL_SECONDS = 0.5  # between two requests to the launcher
ANSWER_SECONDS = 2.0  # until the launcher counts as ended: it kills its processes after 5
PROGRAM_ERROR = "/program/error"  # the key that is set when the program is at fault


class LeaveJob(Exception):
    """The slot has no place in the next world; the text is the reason."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


def take_place() -> dict[str, str]:
    """Wait until the next world is formed. Returns this slot's place in it, as Horovod's variables.

    LeaveJob: there is no such place.
    """
    try:
        if _ask("GET", PROGRAM_ERROR).status == 200:
            raise LeaveJob("another process ended by an error of the program: not trying again", 1)
        place = _wait_for(f"/rank_and_size/{_variable('HOSTNAME')}:{_variable('LOCAL_RANK')}")
        _ask(
            "GET", PROGRAM_ERROR
        )  # fails if the launcher has ended the job: it may have answered the request above even so
    except (OSError, HTTPException):
        raise LeaveJob("the launcher has ended the job: fewer processes were left than --min-np", 1) from None
    numbers = place.decode().split(",")
    if numbers[0] == "-1":
        raise LeaveJob("this host is no longer one of the job's", 0)
    return {f"HOROVOD_{name}": number for name, number in zip(PLACE, numbers)}


def report_program_error() -> None:
    """Keep all slots from trying again, because the program would fail again. OSError: the launcher has ended."""
    _ask("PUT", PROGRAM_ERROR, b"1")


def _wait_for(path: str) -> bytes:
    """The launcher's answer, which may take long. OSError: it has ended the job, or itself."""
    connection = _connect()
    try:
        connection.request("GET", path)
        while not select.select([connection.sock], [], [], POLL_SECONDS)[0]:
            _ask("GET", PROGRAM_ERROR)
        return connection.getresponse().read()
    finally:
        connection.close()


def _ask(method: str, path: str, body: bytes | None = None) -> HTTPResponse:
    """The launcher's answer to a request that it answers at once."""
    connection = _connect()
    try:
        connection.request(method, path, body)
        return connection.getresponse()
    finally:
        connection.close()


def _connect() -> HTTPConnection:
    """A connection to the launcher's store, without a proxy."""
    address, port = _variable("GLOO_RENDEZVOUS_ADDR"), int(_variable("GLOO_RENDEZVOUS_PORT"))
    return HTTPConnection(address, port, timeout=ANSWER_SECONDS)


def _variable(name: str) -> str:
    return os.environ[f"HOROVOD_{name}"]
