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
    for name in ("cmake", "requirements/cpu.txt", "requirements/reports.txt", "requirements/dev.txt", "LeNet-5"):
        assert [line for line in outcome.out.splitlines() if line.startswith("missing: ") and name in line]
    assert files(machine) == before
    assert not machine.calls.exists()


def test_check_after_a_setup(stubbed):
    cache = {"XDG_CACHE_HOME": str(stubbed.checkout / "cache")}
    assert stubbed.setup(**cache).code == 0
    outcome = stubbed.setup("--check", **cache)
    assert (outcome.code, len(outcome.text.splitlines())) == (0, 1)
    assert stubbed.setup("--check", "--dev", **cache).code == 1


def test_a_package_index_that_cannot_be_reached_is_named(machine, closed_port):
    index = {"PIP_INDEX_URL": f"http://me:secret@localhost:{closed_port}/simple", "PIP_RETRIES": "1"}
    others = {"PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_NO_CACHE_DIR": "1"}
    outcome = machine.setup(**index, **others)
    assert outcome.code == 1, outcome.text
    assert len(outcome.errors) == 1
    assert f"http://localhost:{closed_port}/simple cannot be reached" in outcome.errors[0]
    assert "secret" not in outcome.text


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
    assert len(outcome.errors) == 1
    assert "http://a.mirror cannot be reached" in outcome.errors[0]
