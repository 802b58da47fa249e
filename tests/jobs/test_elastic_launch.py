"""launch/elastic.sh: what it starts, and what it refuses."""

import os
import shutil
import subprocess
from itertools import pairwise

import pytest

from tests.support import run_jobs


@pytest.fixture
def checkout(tmp_path):
    """A folder with what launch/elastic.sh needs, and a horovodrun that prints its words."""
    folder = tmp_path / "check out"
    shutil.copytree(run_jobs.ROOT / "launch", folder / "launch")
    (folder / ".venv/bin").mkdir(parents=True)
    programs = {"launch/setup.sh": "true", ".venv/bin/python": "true", ".venv/bin/horovodrun": "printf '%s\\n' \"$@\""}
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    (folder / "hosts").write_text("a:1  # the old one\n\nb.c:2\n")
    return folder


def elastic_sh(checkout, *words, **variables):
    """How launch/elastic.sh ends, started in the checkout."""
    command = [checkout / "launch/elastic.sh", *words]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_elastic_sh_starts_horovodrun_with_a_script_that_reads_the_host_file(checkout):
    limits = {"MIN_NP": "2", "MAX_NP": "3", "INTERFACE": "lo"}
    ended = elastic_sh(checkout, "hosts", "--epochs", "2", **limits)
    words = ended.stdout.splitlines()
    assert words[-7:] == ["python", "-m", "distributed.elastic.agent", "python", "train.py", "--epochs", "2"]
    given = dict(pairwise(words))
    assert (given["-np"], given["--min-np"], given["--max-np"], given["--network-interface"]) == ("2", "2", "3", "lo")
    script = given["--host-discovery-script"]
    found = subprocess.run(script, shell=True, cwd=checkout, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["a:1", "b.c:2"]


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        ([], {}, "a host file is needed"),
        (["--epochs", "2"], {}, "a host file is needed"),
        (["none"], {}, "none: no host file"),
        (["hosts"], {"MIN_NP": "0"}, "MIN_NP is '0'"),
        (["hosts"], {"MAX_NP": "two"}, "MAX_NP is 'two'"),
        (["hosts"], {"MIN_NP": "3", "MAX_NP": "2"}, "MIN_NP is 3, but MAX_NP is 2"),
        (["broken"], {}, "'a 1' is no line name:slots"),
        (["empty"], {}, "it names no host"),
    ],
)
def test_elastic_sh_refuses_wrong_use(checkout, words, variables, said):
    (checkout / "broken").write_text("b:1\na 1\n")
    (checkout / "empty").write_text("# none yet\n")
    ended = elastic_sh(checkout, *words, **variables)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: ")
    assert said in ended.stderr
    assert ended.stdout == ""
