"""launch/kubernetes.sh shows what a job does, whatever happens to it, and ends with its exit code."""

import os
from typing import Any

import pytest

from tests.support.fake_cluster import FakeCluster
from tests.support.manifests import needs_kubectl
from tests.support.run_jobs import Job, until

pytestmark = needs_kubectl
INDEX = "batch.kubernetes.io/job-completion-index"
ROLE = "training.kubeflow.org/job-role"


def said(job: Job) -> str:
    """What a job has said up to now."""
    return "".join(os.pread(file.fileno(), 1 << 20, 0).decode() for file in (job.out, job.err))


def hear(job: Job, text: str) -> None:
    """Wait until the job says it."""
    until(lambda: text in said(job), 30)


def pod(cluster: FakeCluster, name: str, phase: str, code: int | None = None, **more: Any) -> None:
    """A pod of the Indexed Job, `lenet-INDEX-…`, or of the MPIJob, `lenet-launcher-…`."""
    part = name.split("-")[1]
    labels = {"app.kubernetes.io/name": "lenet", (INDEX if part.isdigit() else ROLE): part}
    reason = {0: "Completed", 137: "OOMKilled"}.get(code or 0, "Error")
    states = [] if code is None else [{"state": {"terminated": {"exitCode": code, "reason": reason}}}]
    cluster.put("pods", name, {"phase": phase, "containerStatuses": states, **more}, labels=labels)


def end(cluster: FakeCluster, kind: str, message: str = "", resource: str = "jobs") -> None:
    condition = {"type": kind, "status": "True", "message": message}
    cluster.put(resource, "lenet", {"conditions": [{"type": "Suspended", "status": "False"}, condition]})


@pytest.fixture
def indexed(cluster, kubernetes):
    """The Job of `apply indexed`, which has made its objects."""
    job = kubernetes("apply", "indexed")
    cluster.wait_for("jobs", "lenet")
    return job


@pytest.fixture
def mpi(cluster, kubernetes):
    """The same for the MPIJob of `apply mpi`."""
    job = kubernetes("apply", "mpi")
    cluster.wait_for("mpijobs", "lenet")
    return job


def test_log_and_success(cluster, indexed):
    pod(cluster, "lenet-0-a", "Running")
    pod(cluster, "lenet-1-a", "Running")
    cluster.say("lenet-0-a", "Epoch [0]")
    cluster.say("lenet-1-a", "of another rank")
    hear(indexed, "Epoch [0]")
    cluster.say("lenet-0-a", "  indented")
    cluster.say("lenet-0-a", "")
    pod(cluster, "lenet-0-a", "Succeeded", 0)
    end(cluster, "Complete")
    outcome = indexed.wait()
    assert outcome.code == 0, outcome.text
    assert outcome.out.endswith("Epoch [0]\n  indented\n\n")
    assert "of another rank" not in outcome.text


def test_why_no_pod_starts_is_told_once_and_then_where_to_look(cluster, indexed):
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu\nat all"}
    pod(cluster, "lenet-0-a", "Pending", conditions=[unschedulable])
    hear(indexed, "pod lenet-0-a: Unschedulable: no cpu")
    for waiting in ("ErrImagePull", "ImagePullBackOff", "ErrImagePull", "ImagePullBackOff"):
        waits = [{"state": {"waiting": {"reason": waiting, "message": "no such image"}}}]
        pod(cluster, "lenet-0-a", "Pending", containerStatuses=waits)
        hear(indexed, f"pod lenet-0-a: {waiting}: no such image")
    hear(indexed, "no pod of rank 0 runs after 3 s")
    assert "kubectl describe pods" in said(indexed)
    pod(cluster, "lenet-0-a", "Running")
    cluster.say("lenet-0-a", "it runs")
    hear(indexed, "it runs")
    for text in ("Unschedulable", "ErrImagePull", "ImagePullBackOff", "after 3 s"):
        assert said(indexed).count(text) == 1


def test_an_operator_that_does_nothing(mpi):
    hear(mpi, "no pod at all: does the MPI operator run?")


def test_a_queue_is_named(cluster, indexed):
    end(cluster, "Suspended")
    hear(indexed, "job/lenet: suspended")


@pytest.mark.parametrize(
    ("pods", "message", "code"),
    [
        ({"lenet-1-a": 2, "lenet-0-a": None}, "", 2),  # pod 0 is gone
        ({"lenet-0-a": None}, "Container lenet for pod x failed with exit code 2 matching FailJob rule at index 0", 2),
        ({"lenet-1-a": 2, "lenet-0-a": 143}, "", 2),  # pod 0 was asked to stop because pod 1 had failed
        ({"lenet-0-a": 1, "lenet-1-a": 137}, "", 1),
        ({"lenet-0-a": 143, "lenet-1-a": 137}, "", 137),
        ({"lenet-0-a": 143}, "", 143),
        ({}, "deadline", 1),
    ],
)
def test_a_failed_job_has_the_code_that_says_most(cluster, indexed, pods, message, code):
    pod(cluster, "lenet-0-a", "Running")
    cluster.say("lenet-0-a", "begun")
    hear(indexed, "begun")
    cluster.objects["pods"].clear()
    for name, ended in pods.items():
        if ended is not None:
            pod(cluster, name, "Failed", ended)
    end(cluster, "Failed", message)
    outcome = indexed.wait()
    assert outcome.code == code, outcome.text
    assert outcome.out.count("begun") == 1
    assert ("pod lenet-1-a: exit code 137, OOMKilled" in outcome.err) == (137 in pods.values())


def test_a_dropped_log_is_taken_up_where_it_broke_off(cluster, indexed):
    pod(cluster, "lenet-0-a", "Running")
    expected = []
    for number in range(3):
        for line in range(20):  # many in the second at which the next stream begins
            expected.append(f"line {number}.{line}")
            cluster.say("lenet-0-a", expected[-1])
        hear(indexed, expected[-1])
        cluster.dropped += 1
        cluster.say("lenet-0-a", f"while nobody looks {number}")
        expected.append(f"while nobody looks {number}")
    pod(cluster, "lenet-0-a", "Succeeded", 0)
    end(cluster, "Complete")
    outcome = indexed.wait()
    assert outcome.code == 0, outcome.text
    assert [line for line in outcome.out.splitlines() if line in expected] == expected


def test_each_launcher_is_shown_once(cluster, mpi):
    """The first fails, the second is evicted and gone, the third ends."""
    for name, then in (("lenet-launcher-1", "Failed"), ("lenet-launcher-2", ""), ("lenet-launcher-3", "Succeeded")):
        pod(cluster, name, "Running")
        cluster.say(name, f"log of {name}")
        hear(mpi, f"log of {name}")
        if then:
            pod(cluster, name, then, 1 if then == "Failed" else 0)
        else:
            del cluster.objects["pods"][name]
            asked = len(cluster.asked)
            until(lambda asked=asked: len(cluster.asked) > asked + 8)  # it looks at what is left
    end(cluster, "Succeeded", resource="mpijobs")
    outcome = mpi.wait()
    assert outcome.code == 0, outcome.text
    logs = [line for line in outcome.out.splitlines() if line.startswith("log of")]
    assert logs == [f"log of lenet-launcher-{number}" for number in (1, 2, 3)]


def test_bad_input_of_an_mpijob_is_not_tried_again(cluster, mpi):
    pod(cluster, "lenet-launcher-1", "Running")
    cluster.say("lenet-launcher-1", "error: --epochs 0")
    pod(cluster, "lenet-launcher-1", "Failed", 2)
    outcome = mpi.wait()
    assert outcome.code == 2, outcome.text
    assert "error: --epochs 0" in outcome.out
    assert cluster.objects["mpijobs"]["lenet"]["patches"] == [{"spec": {"runPolicy": {"suspend": True}}}]


def test_a_job_deleted_elsewhere(cluster, indexed):
    pod(cluster, "lenet-0-a", "Running")
    cluster.say("lenet-0-a", "begun")
    hear(indexed, "begun")
    del cluster.objects["jobs"]["lenet"]
    outcome = indexed.wait()
    assert outcome.code == 1
    assert outcome.errors == ["job/lenet was deleted before its end"]


def test_a_server_that_is_away_for_a_moment(cluster, indexed):
    pod(cluster, "lenet-0-a", "Running")
    cluster.say("lenet-0-a", "begun")
    hear(indexed, "begun")
    cluster.fails = True
    hear(indexed, "kubernetes.sh: cluster: ")
    cluster.fails = False
    pod(cluster, "lenet-0-a", "Succeeded", 0)
    end(cluster, "Complete")
    assert indexed.wait().code == 0
