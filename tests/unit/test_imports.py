"""Imports point one way: train.py to distributed and lenet; only distributed knows Horovod and MPI."""

import ast

import pytest

from tests.support.run_jobs import ROOT

MESSAGING = {"horovod", "mpi4py"}


def imported(source):
    """The top-level names of all that a file imports, also inside functions and by a name in a string."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide where they point"
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
            "import_module",
            "__import__",
        ):
            names.add(node.args[0].value.split(".")[0])
    return names


def files(*patterns):
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    assert found
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in found]


@pytest.mark.parametrize("path", files("lenet/**/*.py"))
def test_lenet_knows_of_one_process(path):
    assert not imported(path.read_text()) & {*MESSAGING, "distributed", "train"}


@pytest.mark.parametrize("path", files("distributed/**/*.py"))
def test_distributed_does_not_know_the_network(path):
    assert not imported(path.read_text()) & {"lenet", "train"}


@pytest.mark.parametrize("path", files("*.py"))
def test_the_entries_leave_messaging_to_distributed(path):
    assert not imported(path.read_text()) & MESSAGING


def test_the_walk_finds_what_is_hidden():
    source = "import os.path\ndef f():\n  from horovod.mxnet import x\n  importlib.import_module('mpi4py.MPI')\n"
    assert imported(source) == {"os", "horovod", "mpi4py"}
