"""What GitHub and pre-commit read: CI runs .ci/run where set-up works, and pre-commit the linters that CI runs."""

import os
import re

import pytest
import yaml

from tests.support.run_jobs import ROOT

CI_RUN = (ROOT / ".ci" / "run").read_text()
SETUP = (ROOT / "launch" / "setup.sh").read_text()


def read(name):
    return yaml.safe_load((ROOT / name).read_text())


JOBS = read(".github/workflows/ci.yml")["jobs"]


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_each_job_runs_what_must_pass_with_each_python(job):
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[-1] == ".ci/run"
    assert os.access(ROOT / commands[-1], os.X_OK)
    pythons = job["strategy"]["matrix"]["python"]
    assert pythons == re.search(r"case \$python_version in ([\d. |]+)\) return", SETUP)[1].split(" | ")
    assert "PYTHON=" in SETUP
    assert job["env"]["PYTHON"] == "python${{ matrix.python }}"


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_what_is_kept_is_the_folder_of_the_horovod_wheel(job):
    (cache,) = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@")]
    folder = re.search(r"^cache=\$\{XDG_CACHE_HOME:-(~/\.cache)\}(/\S+)", SETUP, re.MULTILINE)
    assert cache["path"] == "".join(folder.groups())
    for name in re.findall(r"'([\w./-]+)'", cache["key"]):
        assert (ROOT / name).exists(), name


def test_pre_commit_runs_the_linters_of_ci():
    hooks = [hook for repo in read(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    tools = {hook["entry"].split()[0] for hook in hooks}
    assert all(hook["language"] == "system" for hook in hooks)
    assert tools == set(re.findall(r"\.venv/bin/[\w-]+", CI_RUN))
    files = next(re.compile(hook["files"]) for hook in hooks if hook["id"] == "shellcheck")
    assert all(files.search(path) for path in ("launch/setup.sh", "launch/slurm.sbatch", ".ci/run"))


def test_the_citation_names_this_version_and_licence():
    citation = read("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    project = (ROOT / "pyproject.toml").read_text()
    assert f'\nversion = "{citation["version"]}"\n' in project
    assert f'\nlicense = {{ text = "{citation["license"]}" }}\n' in project
