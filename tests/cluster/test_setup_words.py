"""What launch/setup.sh says: what is missing, what it does, and what could not be reached."""

import shutil
import socket
from pathlib import Path

import pytest

from tests.support.machine import PROGRAMS, Machine
from tests.support.run_jobs import ROOT


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with the project's locks."""
    machine = Machine(tmp_path)
    shutil.copytree(ROOT / "requirements", machine.checkout / "requirements")
    return machine


@pytest.fixture
def stubbed(machine: Machine) -> Machine:
    """The same with a Python that installs nothing."""
    machine.remove("python3.11")
    shutil.copy(PROGRAMS / "python_stub.sh", machine.bin / "python3.11")
    return machine


@pytest.fixture
def closed_port() -> int:
    """A port of this machine that refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def files(machine: Machine) -> list[Path]:
    return sorted(machine.checkout.rglob("*"))


def test_check_names_what_is_missing_and_changes_nothing(machine):
    machine.remove("cmake")
    before = files(machine)
    outcome = machine.setup("--check", "--dev")
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.splitlines() == [
        "missing: CMake (packages cmake)",
        "missing: .venv with requirements/cpu.txt and Horovod",
        "missing: requirements/reports.txt in .venv",
        "missing: requirements/dev.txt in .venv",
        "missing: LeNet-5 of this source in .venv/lib/lenet-native",
        "launch/setup.sh installs it",
    ]
    assert files(machine) == before
    assert not machine.calls.exists()


def test_check_after_a_setup(stubbed):
    cache = {"XDG_CACHE_HOME": str(stubbed.checkout / "cache")}
    assert stubbed.setup(**cache).code == 0
    outcome = stubbed.setup("--check", **cache)
    assert (outcome.code, outcome.text) == (0, "ready: nothing is missing\n")
    outcome = stubbed.setup("--check", "--dev", **cache)
    assert (outcome.code, outcome.out.splitlines()[0]) == (1, "missing: requirements/dev.txt in .venv")


def test_it_says_beforehand_how_long_it_takes_and_then_what_took_how_long(stubbed):
    cache = {"XDG_CACHE_HOME": str(stubbed.checkout / "cache")}
    said = stubbed.setup(**cache).err.splitlines()
    assert said[0].startswith(f"setup: setting up {stubbed.checkout}: about 5 minutes on 2 cores and 0.6 GB, once")
    for part in ("making .venv", "installing requirements/cpu.txt", "building Horovod", "the check of Horovod"):
        assert [line for line in said if line.startswith(f"setup: {part}: ") and line.endswith(" s")], said
    shutil.rmtree(stubbed.checkout / ".venv")
    assert "Horovod is built already" in stubbed.setup(**cache).err.splitlines()[0]


def test_a_package_index_that_cannot_be_reached_is_named(machine, closed_port):
    index = {"PIP_INDEX_URL": f"http://me:secret@localhost:{closed_port}/simple", "PIP_RETRIES": "1"}
    others = {"PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_NO_CACHE_DIR": "1"}
    outcome = machine.setup(**index, **others)
    assert outcome.code == 1, outcome.text
    assert outcome.errors == [
        f"installing requirements/cpu.txt failed: the package index http://localhost:{closed_port}/simple cannot be "
        f"reached from here (all output: {machine.checkout}/.setup.log)"
    ]
    assert outcome.err.splitlines()[-1].startswith("error: ")
    assert "No matching distribution" not in outcome.text


def test_a_mirror_that_cannot_be_reached_is_named(machine):
    machine.remove("cmake")
    machine.put("flock", 'shift; exec "$@"')
    machine.put("sh", 'exec /bin/sh "$@"')
    machine.put("id", "echo 0")
    machine.put(  # the words of apt 2.6, when `update` and when `install` cannot connect
        "apt-get",
        'case $* in *update*) echo "W: Failed to fetch http://a.mirror/debian/dists/x/InRelease  '
        'Could not connect to a.mirror:80 (1.2.3.4). - connect (111: Connection refused)" ;;\n'
        "*) echo \"E: Package 'cmake' has no installation candidate\"; exit 100 ;; esac",
    )
    outcome = machine.setup()
    assert outcome.code == 1
    assert outcome.errors == [
        "apt-get install cmake failed: the package mirror http://a.mirror cannot be reached from here "
        f"(all output: {machine.checkout}/.setup.log)"
    ]
