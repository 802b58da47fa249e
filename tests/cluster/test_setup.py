"""launch/setup.sh on machines that are made of a PATH."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.machine import PROGRAMS, Machine
from tests.support.run_jobs import ROOT, Job

MPI_PACKAGES = "openmpi-bin libopenmpi-dev"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def stubbed(machine: Machine) -> Machine:
    """A machine whose Python installs nothing and notes what it was asked to; the checkout has the project's locks."""
    machine.remove("python3.11")
    shutil.copy(PROGRAMS / "python_stub.sh", machine.bin / "python3.11")
    shutil.copytree(ROOT / "requirements", machine.checkout / "requirements")
    return machine


def installed(machine: Machine, *options: str) -> list[str]:
    """What launch/setup.sh builds and has pip install, in turn."""
    calls = machine.checkout / "pip-calls"
    calls.write_text("")
    outcome = machine.setup(*options, XDG_CACHE_HOME=str(machine.checkout / "cache"))
    assert outcome.code == 0, outcome.text
    return calls.read_text().split()


def edit(path: Path, old: str, new: str) -> None:
    """Change a text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_wrong_python_is_named_with_what_to_install(machine):
    machine.remove("python3.11")
    machine.put("python3", "echo 3.12 /usr")
    outcome = machine.setup()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "error: Python 3.10 or 3.11 is needed, but python3 is 3.12: "
        "install Python 3.11 or name one with PYTHON=/path/to/python3.11\n"
    )


def test_a_python_that_does_not_run_is_named(machine):
    outcome = machine.setup(PYTHON="/nowhere/python3.11")
    assert outcome.code == 2
    assert "but PYTHON=/nowhere/python3.11 does not run: install Python 3.11" in outcome.err


def test_missing_packages_without_root_are_one_command_to_run(machine):
    machine.remove("mpicxx")
    machine.put("id", "echo 1000")
    outcome = machine.setup()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (f"error: missing Open MPI with its headers; run: sudo apt-get install -y {MPI_PACKAGES}\n")
    assert not machine.calls.exists()


@pytest.mark.parametrize("as_root", [True, False], ids=["root", "sudo"])
def test_missing_packages_are_installed_after_new_package_lists(machine, as_root):
    machine.remove("mpicxx")
    machine.put("id", f"echo {0 if as_root else 1000}")
    machine.put("flock", 'shift; exec "$@"')
    machine.put("sh", 'exec /bin/sh "$@"')
    if not as_root:
        machine.put("sudo", f'echo "sudo" >>{machine.calls}; shift; exec "$@"')
        machine.put("true", "exit 0")
    outcome = machine.setup()
    install = f"-o DPkg::Lock::Timeout=600 install -y --no-install-recommends {MPI_PACKAGES}"
    calls = machine.calls.read_text().splitlines()
    assert [call for call in calls if call != "sudo"] == [install, "update"]
    assert ("sudo" in calls) is not as_root
    assert outcome.code == 1
    assert f"error: apt-get install {MPI_PACKAGES} failed" in outcome.err


def test_without_apt_it_says_what_is_needed(machine):
    machine.remove("apt-get")
    machine.remove("cmake")
    outcome = machine.setup()
    assert outcome.code == 2
    assert outcome.err == "error: missing CMake: install it with this system's package manager\n"


def test_only_what_is_not_there_is_installed(stubbed: Machine) -> None:
    training = ["requirements/cpu.txt", "wheel", "horovod"]
    assert installed(stubbed, "--no-reports") == training
    assert installed(stubbed) == ["requirements/reports.txt"]
    assert installed(stubbed, "--dev") == ["requirements/dev.txt"]
    assert installed(stubbed, "--dev") == installed(stubbed) == []


def test_a_comment_installs_nothing_anew(stubbed: Machine) -> None:
    installed(stubbed, "--dev")
    for path in (stubbed.checkout / "launch/setup.sh", *(stubbed.checkout / "requirements").iterdir()):
        path.write_text(path.read_text() + "# a comment\n")
    assert installed(stubbed, "--dev") == []


def test_changed_code_alone_is_compiled_anew(stubbed: Machine) -> None:
    installed(stubbed)
    built_from = stubbed.checkout / ".venv/lib/lenet-native/built-from"
    before = built_from.read_text()
    edit(stubbed.checkout / "lenet/native/lenet5.cpp", "GROUP = 16", "GROUP = 32")
    assert "missing: LeNet-5" in stubbed.setup("--check").out
    assert installed(stubbed) == []
    assert built_from.read_text() != before
    assert "missing: LeNet-5" not in stubbed.setup("--check").out


def test_another_version_is_installed(stubbed: Machine) -> None:
    """Of what reports need, on top of the rest; of what training needs, with everything, but Horovod is not rebuilt."""
    installed(stubbed)
    locks = stubbed.checkout / "requirements"
    edit(locks / "reports.txt", "matplotlib==", "matplotlib==9.")
    assert installed(stubbed) == ["requirements/reports.txt"]
    edit(locks / "cpu.txt", "pydantic==", "pydantic==9.")
    assert installed(stubbed) == ["requirements/cpu.txt", "horovod", "requirements/reports.txt"]


def test_another_place_has_a_venv_of_its_own(stubbed: Machine) -> None:
    """What pip installs as programs names the folder that it was installed in."""
    installed(stubbed)
    stubbed.checkout = stubbed.checkout.rename(stubbed.checkout.parent / "moved")
    assert installed(stubbed) == ["requirements/cpu.txt", "horovod", "requirements/reports.txt"]


@pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="this Python is not the checkout's .venv: run tests/run.sh"
)
def test_a_second_setup_does_nothing(tmp_path):
    for name in ("apt-get", "flock"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    with Job([ROOT / "launch/setup.sh", "--dev"], PATH=f"{tmp_path}:{os.environ['PATH']}") as job:
        outcome = job.wait()
    assert (outcome.code, outcome.text) == (0, "")


def test_a_venv_that_is_a_link_is_made_anew_and_what_it_led_to_stays(machine, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kept").touch()
    (machine.checkout / ".venv").symlink_to(tmp_path / "other")
    assert machine.setup().code != 0  # this checkout has no requirements to install
    assert (tmp_path / "other" / "kept").exists()
    assert not (machine.checkout / ".venv").is_symlink()


def test_setup_refuses_an_unknown_option(machine):
    with Job([machine.checkout / "launch/setup.sh", "--fast"]) as job:
        outcome = job.wait()
    assert outcome.code == 2
    assert outcome.errors == ["unknown option '--fast': launch/setup.sh knows --check, --dev, --gpu and --no-reports"]


@pytest.mark.parametrize("options", [["--gpu"], []], ids=["asked for", "as it was"])
@pytest.mark.parametrize("version", ["none", "12.4"])
def test_setup_for_gpus_names_the_compiler_it_needs(machine, options, version):
    """Without the option too, where .venv is for GPUs; and nothing has been touched by then."""
    if version != "none":
        machine.put("nvcc", f"echo 'Cuda compilation tools, release {version}, V{version}.99'")
    venv = machine.checkout / ".venv"
    venv.mkdir()
    if not options:
        (venv / "gpu").touch()
    outcome = machine.setup(*options)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.errors == [
        f"--gpu needs the compiler of CUDA 11, but nvcc in PATH is {version}: "
        "install the CUDA 11 toolkit and put its folder bin in PATH"
    ]
    assert {entry.name for entry in venv.iterdir()} <= {"gpu"}
