"""launch/kubernetes.sh, against a kubectl that answers as a cluster would and notes what it was asked."""

import os
import subprocess

import pytest

from tests.support.manifests import ROOT, VARIANTS


@pytest.fixture
def launch(tmp_path):
    """Runs the script on a cluster whose job has the conditions, and whose last pod ended with the code."""

    def launch(*words, conditions="", code=""):
        for name, text in {"conditions": conditions, "code": code, "asked": ""}.items():
            (tmp_path / name).write_text(text)
        (tmp_path / "kubectl").symlink_to(ROOT / "tests/programs/fake_kubectl.sh")
        variables = {**os.environ, "CLUSTER": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        command = [ROOT / "launch" / "kubernetes.sh", *words]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)
        return done, (tmp_path / "asked").read_text().splitlines()

    return launch


@pytest.mark.parametrize(
    ("conditions", "code", "ends"),
    [
        ("SuccessCriteriaMet Complete", "0", 0),
        ("FailureTarget Failed", "2", 2),
        ("Failed", "1", 1),
        ("Failed", "", 1),
        ("Failed", "0", 1),
    ],
)
def test_apply_ends_as_the_job(launch, conditions, code, ends):
    done, asked = launch("apply", "indexed", conditions=conditions, code=code)
    assert done.returncode == ends, done.stderr
    assert asked[0] == "apply -k indexed"
    assert done.stdout.count("log of pod/lenet-0-new") == 1


@pytest.mark.parametrize(
    ("variant", "job", "rank0"),
    [
        ("single", "job/lenet", "app.kubernetes.io/name=lenet "),
        ("indexed", "job/lenet", "batch.kubernetes.io/job-completion-index=0"),
        ("mpi-gpu", "mpijob/lenet", "training.kubeflow.org/job-role=launcher"),
    ],
)
def test_logs_are_those_of_rank_0(launch, variant, job, rank0):
    done, asked = launch("logs", variant, conditions="Created Succeeded Complete")
    assert done.returncode == 0
    assert asked[0] == f"get {job}"
    assert any(line.startswith("get pods ") and rank0 in line for line in asked)
    assert not any(line.startswith("apply") for line in asked)


def test_delete_leaves_the_results(launch):
    done, asked = launch("delete", "single")
    assert done.returncode == 0
    assert sorted(asked) == [
        "delete --ignore-not-found -l app.kubernetes.io/component!=output -f -",
        "kustomize single",
    ]


@pytest.mark.parametrize("words", [(), ("apply",), ("apply", "base"), ("aply", "single"), ("apply", "single", "more")])
def test_wrong_use(launch, words):
    done, asked = launch(*words)
    assert (done.returncode, asked) == (2, [])
    assert done.stderr.startswith("error: ")
    assert all(variant in done.stderr for variant in VARIANTS)


def test_help(launch):
    done, asked = launch("--help")
    assert (done.returncode, asked) == (0, [])
    assert done.stdout.startswith("usage: launch/kubernetes.sh apply|logs|delete VARIANT")
