"""The rendezvous of pods answers those who know the job's secret, and reads no more than a report has."""

import http.client
import signal
import socket
import xmlrpc.client

import pytest

from distributed.pods.agent import Agent, read_identity
from distributed.pods.rendezvous import MAX_BYTES, SECRET_HEADER, WAIT, WAITING, Rendezvous
from tests.support.run_jobs import until

SECRET = "0f3c2c8e-4d4f-4a62-8f0a-0d3c7a0f1b11"
POD = {"JOB_COMPLETION_INDEX": "1", "LENET_PODS": "2", "LENET_RENDEZVOUS": "127.0.0.1:1"}


@pytest.fixture
def port():
    """The port of a rendezvous of two pods; it ends with the tests' process."""
    with socket.create_server(("", 0)) as server:
        free = server.getsockname()[1]
    Rendezvous(2).listen(free, SECRET)
    return free


@pytest.fixture(autouse=True)
def no_handlers(monkeypatch):
    """An agent takes over signals, and its main sets the timeout of connections."""
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)
    yield
    socket.setdefaulttimeout(timeout)


def post(port, secret, body, **headers):
    """The status of the answer to a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/RPC2", body, {**({SECRET_HEADER: secret} if secret else {}), **headers})
        return connection.getresponse().status
    finally:
        connection.close()


def report(rank=1):
    return xmlrpc.client.dumps((rank, "token", WAITING), "report")


def agent(port, secret):
    place = {**POD, "LENET_RENDEZVOUS": f"127.0.0.1:{port}", "LENET_JOB_SECRET": secret}
    return Agent(read_identity(place), ["true"])


def test_the_agent_of_the_job_is_answered_and_others_are_not(port, capsys):
    assert agent(port, SECRET)._report("token", WAITING) == (WAIT, {"missing": [0]})
    other = agent(port, "another")
    assert [other._report("token", WAITING) for _ in range(2)] == [("", {})] * 2
    assert capsys.readouterr().err == "pod 1 of 2: the rendezvous refuses its LENET_JOB_SECRET\n"


@pytest.mark.parametrize("secret", [None, "", SECRET[:-1], SECRET + "1", "\xff"])
def test_a_wrong_secret_is_refused(port, secret):
    assert post(port, secret, report()) == 403


def test_no_more_is_read_than_a_report_has(port):
    assert post(port, SECRET, report()) == 200
    assert post(port, SECRET, "x" * (MAX_BYTES + 1)) == 413
    assert post(port, SECRET, report(), **{"Content-Length": "9" * 400}) == 413
    assert post(port, SECRET, report(), **{"Content-Length": "-1"}) == 411
    assert post(port, SECRET, report(), **{"Content-Encoding": "gzip"}) == 411


@pytest.mark.parametrize("rank", [-1, 2, "0", None])
def test_a_rank_that_is_none_changes_nothing(port, rank):
    body = xmlrpc.client.dumps((rank, "token", WAITING), "report", allow_none=True)
    assert post(port, SECRET, body) == 200  # an error of XML-RPC
    assert agent(port, SECRET)._report("token", WAITING) == (WAIT, {"missing": [0]})


def test_a_request_that_never_ends_is_given_up(port, monkeypatch):
    monkeypatch.setattr("distributed.pods.rendezvous._Handler.timeout", 0.2)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
        stranger.sendall(b"POST /RPC2 HTTP/1.1\r\n")
        until(lambda: stranger.recv(100) == b"", limit=10)


@pytest.mark.parametrize("secret", [{}, {"LENET_JOB_SECRET": ""}])
def test_a_pod_of_kubernetes_needs_the_secret(secret):
    with pytest.raises(ValueError, match=r"^LENET_JOB_SECRET is not set: "):
        read_identity({**POD, **secret, "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert read_identity({**POD, **secret}).secret == ""


@pytest.mark.parametrize("secret", ["a\nb", "x" * 201, "é"])
def test_a_secret_that_no_header_can_hold(secret):
    with pytest.raises(ValueError, match=r"^LENET_JOB_SECRET: at most 200 "):
        read_identity({**POD, "LENET_JOB_SECRET": secret})
