"""The agent of a slot: which ends of its process it answers with another one, and that no process outlives it."""

import json
import signal
import subprocess
import sys

import psutil
import pytest
from horovod.runner.http.http_server import KVStoreServer

from distributed.elastic.agent import DEATHS, TRIES
from distributed.elastic.rendezvous import PROGRAM_ERROR
from tests.support.run_jobs import ROOT, python, until

PLACE = b"1,2,0,1,1,2"


class Slot:
    """An agent under a launcher's store that answers with the place `place`."""

    def __init__(self, folder, *words, place=PLACE):
        self.folder = folder / "processes"
        self.folder.mkdir()
        self.store = KVStoreServer(verbose=0)
        port = self.store.start_server()
        self.store.httpd.cache["rank_and_size"] = {"here:0": place}
        variables = {
            "HOROVOD_ELASTIC": "1",
            "HOROVOD_HOSTNAME": "here",
            "HOROVOD_RANK": "0",
            "HOROVOD_SIZE": "1",
            "HOROVOD_LOCAL_RANK": "0",
            "HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1",
            "HOROVOD_GLOO_RENDEZVOUS_PORT": str(port),
            "HOROVOD_GLOO_IFACE": "lo",
            "PYTHONPATH": str(ROOT),
        }
        program = [sys.executable, "tests/programs/slot_process.py", self.folder, *words]
        self.job = python([], "-m", "distributed.elastic.agent", *program, **variables)

    def processes(self):
        """What the processes have written down, in their order."""
        files = sorted((path for path in self.folder.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
        return [json.loads(path.read_text()) for path in files]


@pytest.fixture
def start_slot(tmp_path):
    """A function that starts a Slot; it ends with the test."""
    slots = []

    def start(*words, **settings):
        slots.append(Slot(tmp_path, *words, **settings))
        return slots[-1]

    yield start
    for slot in slots:
        slot.job.__exit__()
        slot.store.shutdown_server()


@pytest.mark.parametrize("end", ["again", "kill", "starts abort"])
def test_another_process_gets_the_next_place_and_the_committed_state(start_slot, end):
    slot = start_slot(f"commit {end}", "0")
    assert slot.job.wait().code == 0
    first, second = slot.processes()
    assert (first["rank"], first["size"], first["state"]) == ("0", "1", None)
    assert (second["rank"], second["size"], second["state"]) == ("1", "2", "state 0")


@pytest.mark.parametrize("code", [0, 1, 2, 143])
def test_the_exit_code_of_the_command_is_the_agents(start_slot, code):
    slot = start_slot(str(code))
    assert slot.job.wait().code == code
    assert len(slot.processes()) == 1


@pytest.mark.parametrize(
    ("end", "times", "code", "said"),
    [
        ("kill", DEATHS, 128 + signal.SIGKILL, "ended by a signal 3 times in a row"),
        ("again", TRIES, 1, "no new world in 10 tries"),
    ],
)
def test_it_gives_up_after_so_many_tries_without_a_new_state(start_slot, end, times, code, said):
    slot = start_slot(end, f"commit {end}", *[end] * times)
    outcome = slot.job.wait()
    assert outcome.code == code
    assert len(slot.processes()) == 1 + times
    assert [line for line in outcome.errors if line.startswith("slot here:0: ") and said in line]


def test_a_slot_that_the_next_world_has_not_leaves_the_job(start_slot):
    outcome = start_slot("again", place=b"-1,-1,-1,-1,-1,-1").job.wait()
    assert outcome.code == 0
    assert "slot here:0: this host is no longer one of the job's" in outcome.text


def test_after_an_error_of_the_program_there_is_no_other_try(start_slot):
    slot = start_slot("wait", "0")
    until(slot.processes)
    scope, key = PROGRAM_ERROR.strip("/").split("/")
    slot.store.httpd.cache[scope] = {key: b"1"}
    psutil.Process(slot.processes()[0]["process"]).kill()
    outcome = slot.job.wait()
    assert outcome.code == 1
    assert [line for line in outcome.errors if "an error of the program" in line]


def test_a_launcher_that_is_gone_ends_it(start_slot):
    slot = start_slot("wait", "0")
    until(slot.processes)
    slot.store.shutdown_server()
    psutil.Process(slot.processes()[0]["process"]).kill()
    assert slot.job.wait().code == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_hands_a_signal_to_its_process(start_slot, number):
    slot = start_slot("wait", "0")
    until(slot.processes)
    slot.job.send(number)
    assert slot.job.wait().code == 128 + number
    assert len(slot.processes()) == 1


def test_its_process_ends_with_it(start_slot):
    slot = start_slot("wait")
    until(slot.processes)
    process = psutil.Process(slot.processes()[0]["process"])
    slot.job.send(signal.SIGKILL)
    process.wait(30)


def test_without_a_launcher_it_says_how_it_is_used():
    ended = subprocess.run(
        [sys.executable, "-m", "distributed.elastic.agent"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: horovodrun --min-np")
