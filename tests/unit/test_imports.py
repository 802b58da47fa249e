"""Imports point one way, from the commands down to the config, and stand at the top of files."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.run_jobs import ROOT

# The rooms of lenet from the bottom up, as the names in it. A module imports from its own room and from lower levels.
LEVELS = [
    ["atomic check_install config errors exact_math options untrusted"],
    ["cli", "data", "device machine_code nvml", "model", "native"],
    ["run"],
    ["training"],
    ["commands"],
    ["__main__"],
]
PLACES = {name: (level, room) for level, rooms in enumerate(LEVELS) for room in rooms for name in room.split()}
ENTRIES = ("train.py", "lenet/__main__.py")  # what joins a job
MESSAGING = ("horovod", "mpi4py")
# Imports within functions, and why they are there.
LATE = {
    ("train.py", "lenet.training"): "it imports MXNet, whose engine and threads are chosen first",
    ("lenet/__main__.py", "lenet.commands"): "of the commands, only the one that is asked for",
    ("distributed/connect.py", "distributed.horovod_world"): "one process needs no Horovod",
    ("distributed/connect.py", "distributed.elastic.world"): "one process needs no Horovod",
    ("distributed/elastic/agent.py", "horovod.runner.elastic"): "without Horovod the command itself says so in a line",
    ("distributed/horovod_world.py", "mpi4py"): "there may be none; it starts MPI unless it is told not to first",
}


class Import(NamedTuple):
    """What is imported, `name` from the module or None for all of it, and whether that is within a function."""

    module: str
    name: str | None
    is_late: bool


def imports(source: str) -> Iterator[Import]:
    """Every import of a file, also those within functions and by the text given to import_module."""
    tree = ast.parse(source)
    late = {
        inner
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, None, node in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where they point"
            yield from (Import(str(node.module), alias.name, node in late) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            yield Import(start_of_text(node.args[0]), None, node in late)


def start_of_text(node: ast.expr) -> str:
    """The text of a constant, or what an f-string begins with."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    assert isinstance(node, ast.Constant), f"what {ast.unparse(node)} imports cannot be seen"
    return str(node.value).rstrip(".")


def place_of(module: str) -> tuple[int, str]:
    """The level and the room of a module of lenet, such as `lenet.data.idx`."""
    _, name, *_ = module.split(".")
    assert name in PLACES, f"{module} is in none of the rooms"
    return PLACES[name]


def modules_of_lenet(found: Import) -> list[str]:
    """The module that is imported: `from lenet import cli` names one as `import lenet.cli` does."""
    if found.module == "lenet":
        return [f"lenet.{found.name}"] if found.name else []
    return [found.module] if found.module.startswith("lenet.") else []


def is_of(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def files(*patterns: str) -> list[object]:
    paths = [path.relative_to(ROOT) for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    assert paths
    return [pytest.param(path, id=str(path)) for path in paths]


def imports_of(path: Path) -> list[Import]:
    return list(imports((ROOT / path).read_text()))


@pytest.mark.parametrize("path", files("lenet/*/*.py", "lenet/*.py"))
def test_no_module_imports_from_above_or_beside(path):
    if path.parts[1] == "__init__.py":
        assert imports_of(path) == []
        return
    level, room = place_of(".".join(path.with_suffix("").parts))
    for found in imports_of(path):
        for module in modules_of_lenet(found):
            other_level, other_room = place_of(module)
            assert other_level < level or other_room == room, module


@pytest.mark.parametrize("path", files("lenet/**/*.py"))
def test_lenet_knows_the_world_and_no_more_of_distributed(path):
    taken = {"World", "Position", *(("environment", "run_job") if str(path) in ENTRIES else ())}
    for found in imports_of(path):
        assert not is_of(found.module, "train"), found
        if is_of(found.module, "distributed") and found.module not in ("distributed.errors", "distributed.exit_codes"):
            assert found.module == "distributed", found
            assert found.name in taken, found


@pytest.mark.parametrize("path", files("distributed/**/*.py"))
def test_distributed_does_not_know_the_network(path):
    assert [found for found in imports_of(path) if is_of(found.module, "lenet", "train")] == []


@pytest.mark.parametrize("path", files("*.py", "lenet/**/*.py"))
def test_distributed_alone_knows_horovod_and_mpi(path):
    assert [found for found in imports_of(path) if is_of(found.module, *MESSAGING)] == []


@pytest.mark.parametrize("path", files("*.py", "lenet/**/*.py", "distributed/**/*.py"))
def test_imports_stand_at_the_top(path):
    late = [found for found in imports_of(path) if found.is_late]
    allowed = [package for file, package in LATE if file == str(path)]
    assert [found for found in late if not is_of(found.module, *allowed)] == []


@pytest.mark.parametrize(("file", "package"), LATE)
def test_the_list_of_late_imports_is_not_too_long(file, package):
    assert any(found.is_late and is_of(found.module, package) for found in imports_of(Path(file)))


def test_what_is_hidden_is_found():
    source = """
import os.path
from lenet import cli
def f():
    from horovod.mxnet import init
    importlib.import_module("mpi4py.MPI")
    import_module(f"lenet.commands.{command}")
"""
    assert set(imports(source)) == {
        Import("os.path", None, False),
        Import("lenet", "cli", False),
        Import("horovod.mxnet", "init", True),
        Import("mpi4py.MPI", None, True),
        Import("lenet.commands", None, True),
    }
