"""launch/kubernetes.sh: how it starts and removes a job. What it shows of one is in test_kubernetes_log.py."""

import signal

import pytest

from tests.support.fake_cluster import FakeCluster
from tests.support.manifests import VARIANTS, needs_kubectl, render
from tests.support.marks import slow
from tests.support.run_jobs import until

pytestmark = needs_kubectl
READ_WRITE_ONCE = {"accessModes": ["ReadWriteOnce"]}


def objects(cluster: FakeCluster) -> set[str]:
    return {f"{resource}/{name}" for resource, found in cluster.objects.items() for name in found}


def test_delete_leaves_the_results_alone(cluster, kubernetes):
    """Also where the options have changed since, and with them the name of their ConfigMap."""
    for resource, name in [("jobs", "lenet"), ("mpijobs", "lenet"), ("configmaps", "lenet-config-of-other-options")]:
        cluster.put(resource, name)
    cluster.put("services", "of-somebody-else", labels={})
    output = {"app.kubernetes.io/name": "lenet", "app.kubernetes.io/component": "output"}
    cluster.put("persistentvolumeclaims", "lenet-output", labels=output)
    outcome = kubernetes("delete", "single").wait()
    assert outcome.code == 0, outcome.text
    assert objects(cluster) == {"persistentvolumeclaims/lenet-output", "services/of-somebody-else"}


@pytest.mark.parametrize(
    ("resource", "spec", "here"),
    [
        ("jobs", {"completionMode": "Indexed"}, "indexed"),
        ("jobs", {"completionMode": "NonIndexed"}, "single"),
        ("mpijobs", {}, "mpi"),
    ],
)
@pytest.mark.parametrize("variant", ["single", "mpi"], indirect=True)
def test_a_job_that_is_there_is_not_changed(cluster, kubernetes, resource, spec, here, variant):
    cluster.put(resource, "lenet", spec=spec)
    outcome = kubernetes("apply", variant).wait()
    assert (outcome.code, len(outcome.errors), len(outcome.lines)) == (2, 1, 1), outcome.text
    assert f"launch/kubernetes.sh delete {here} must come before" in outcome.errors[0]
    assert objects(cluster) == {f"{resource}/lenet"}


def test_a_claim_that_cannot_be_shared_is_named(cluster, kubernetes):
    cluster.put("persistentvolumeclaims", "lenet-output", spec=READ_WRITE_ONCE)
    outcome = kubernetes("apply", "indexed-spread").wait()
    assert (outcome.code, len(outcome.lines)) == (2, 1), outcome.text
    assert "lenet-output is ReadWriteOnce and indexed-spread needs ReadWriteMany" in outcome.errors[0]
    assert objects(cluster) == {"persistentvolumeclaims/lenet-output"}


def test_what_the_cluster_refuses_is_one_line_and_makes_nothing(cluster, kubernetes):
    cluster.refusal = "exceeded quota: compute\nand so on" + 5000 * "."
    outcome = kubernetes("apply", "indexed").wait()
    assert (outcome.code, len(outcome.lines)) == (2, 1), outcome.text
    assert "exceeded quota: compute" in outcome.errors[0]
    assert len(outcome.errors[0]) < 500
    assert objects(cluster) == set()


def test_no_operator_is_said_before_anything_is_made(kubernetes_on):
    with FakeCluster(has_operator=False) as cluster:
        outcome = kubernetes_on(cluster, "apply", "mpi").wait()
        assert (outcome.code, len(outcome.lines)) == (2, 1), outcome.text
        assert "MPI operator" in outcome.errors[0]
        assert objects(cluster) == set()
        cluster.put("jobs", "lenet")
        assert kubernetes_on(cluster, "delete", "single").wait().code == 0
        assert objects(cluster) == set()


def test_no_cluster_is_no_job(kubernetes_on):
    with FakeCluster() as cluster:
        pass
    outcome = kubernetes_on(cluster, "apply", "single").wait()
    assert outcome.code == 1
    assert "refused" in outcome.text


def test_no_job_to_follow(kubernetes):
    outcome = kubernetes("logs", "mpi").wait()
    assert (outcome.code, len(outcome.lines)) == (2, 1), outcome.text
    assert "no mpijob/lenet" in outcome.errors[0]


@pytest.mark.parametrize("words", [(), ("apply",), ("apply", "base"), ("aply", "single"), ("apply", "single", "more")])
def test_wrong_use(cluster, kubernetes, words):
    outcome = kubernetes(*words).wait()
    assert (outcome.code, outcome.out, cluster.asked) == (2, "", [])
    assert outcome.err.startswith("error: ")
    assert all(variant in outcome.err for variant in VARIANTS)


def test_help(cluster, kubernetes):
    outcome = kubernetes("--help").wait()
    assert (outcome.code, outcome.err, cluster.asked) == (0, "", [])
    assert outcome.out.startswith("usage: launch/kubernetes.sh apply|logs|delete VARIANT")


@pytest.mark.parametrize(
    "variant",
    ["indexed", "mpi", *(slow(each) for each in VARIANTS if each not in ("indexed", "mpi"))],
    indirect=True,
)
def test_apply_makes_what_the_manifests_say(cluster, kubernetes, variant):
    """And they stay when the showing of a log that goes on is ended."""
    job = kubernetes("apply", variant)
    cluster.wait_for("mpijobs" if "mpi" in variant else "jobs", "lenet")
    role = {"batch.kubernetes.io/job-completion-index": "0", "training.kubeflow.org/job-role": "launcher"}
    cluster.put("pods", "rank-0", {"phase": "Running"}, labels={"app.kubernetes.io/name": "lenet", **role})
    until(lambda: any("/pods/rank-0/log?" in each for each in cluster.asked))
    job.send(signal.SIGTERM)
    assert job.wait().code == 143
    until(lambda: not job.processes())
    del cluster.objects["pods"]["rank-0"]
    made = [(each["kind"], each["metadata"]["name"]) for found in cluster.objects.values() for each in found.values()]
    assert sorted(made) == sorted((each["kind"], each["metadata"]["name"]) for each in render(variant))
