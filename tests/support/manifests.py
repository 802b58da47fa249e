"""What kubectl makes of the folders under k8s, and what Kubernetes would make of that for a container."""

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.run_jobs import ROOT

K8S = ROOT / "k8s"
# What the downward API gives: a Job's controller puts this label on its pods.
DOWNWARD = {"metadata.labels['batch.kubernetes.io/controller-uid']": "1f0c8d1e-6f5b-4f0e-9f4e-0d7a3b2c1a90"}
VARIANTS = sorted(path.parent.name for path in K8S.glob("*/kustomization.yaml") if path.parent.name != "base")
SCHEMA = kubernetes_validate.latest_version()
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def render(variant: str, root: Path = K8S) -> list[dict[str, Any]]:
    """The objects of a variant, as they would go to the cluster."""
    return list(yaml.safe_load_all(_kustomize(Path(root, variant))))


@functools.cache
def _kustomize(folder: Path) -> str:
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def only(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The one object of a kind."""
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def templates(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """All pod templates, by role."""
    found = {}
    for each in objects:
        if each["kind"] == "Job":
            found["pod"] = each["spec"]["template"]
        if each["kind"] == "MPIJob":
            found.update({role: replica["template"] for role, replica in each["spec"]["mpiReplicaSpecs"].items()})
    return found


def container(template: dict[str, Any]) -> dict[str, Any]:
    """The one container of a pod."""
    (found,) = template["spec"]["containers"]
    return found


def environment(template: dict[str, Any]) -> dict[str, str]:
    """The variables of the container."""
    return {variable["name"]: _value(variable) for variable in container(template).get("env", [])}


def _value(variable: dict[str, Any]) -> str:
    return variable["value"] if "value" in variable else DOWNWARD[variable["valueFrom"]["fieldRef"]["fieldPath"]]


def cores(quantity: str | float) -> float:
    """Kubernetes' amount of processors as a number."""
    text = str(quantity)
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)


def config_text(objects: list[dict[str, Any]]) -> str:
    """The text of config.yaml in the ConfigMap."""
    return only(objects, "ConfigMap")["data"]["config.yaml"]


def check(objects: list[dict[str, Any]]) -> None:
    """Check strictly: unknown fields and kinds are errors. MPIJob is not Kubernetes' own: see check_mpijob."""
    for each in objects:
        if each["kind"] == "MPIJob":
            check_mpijob(each)
        else:
            kubernetes_validate.validate(each, SCHEMA, strict=True)


def check_mpijob(job: dict[str, Any]) -> None:
    """What the operator wants of an MPIJob, and for its pod templates what Kubernetes wants of any."""
    assert job["apiVersion"] == "kubeflow.org/v2beta1"
    spec = job["spec"]
    assert set(spec) <= {
        "launcherCreationPolicy",
        "mpiReplicaSpecs",
        "runLauncherAsWorker",
        "runPolicy",
        "slotsPerWorker",
        "sshAuthMountPath",
    }
    assert set(spec["mpiReplicaSpecs"]) == {"Launcher", "Worker"}
    for replica in spec["mpiReplicaSpecs"].values():
        assert set(replica) == {"replicas", "restartPolicy", "template"}
        pod = {
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": {"name": "x"},
            "template": replica["template"],
        }
        kubernetes_validate.validate(pod, SCHEMA, strict=True)
        assert "restartPolicy" not in replica["template"]["spec"]  # the operator overwrites it
    assert set(spec["runPolicy"]) == {"backoffLimit", "cleanPodPolicy", "schedulingPolicy"}
    assert spec["runPolicy"]["schedulingPolicy"].keys() == {"minAvailable"}
    assert spec["runPolicy"]["backoffLimit"] > 0
    assert spec["launcherCreationPolicy"] == "WaitForWorkersReady"
    assert spec["mpiReplicaSpecs"]["Launcher"]["restartPolicy"] == "Never"
