"""What kubectl makes of the folders under k8s, and what Kubernetes would make of that for a container."""

import math
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
K8S = ROOT / "k8s"
VARIANTS = sorted(path.parent.name for path in K8S.glob("*/kustomization.yaml") if path.parent.name != "base")
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def render(variant, root=K8S):
    """The objects of a variant, as they would go to the cluster."""
    command = ["kubectl", "kustomize", str(Path(root, variant))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def only(objects, kind):
    """The one object of a kind."""
    (found,) = [each for each in objects if each["kind"] == kind]
    return found


def templates(objects):
    """All pod templates, by role."""
    found = {}
    for each in objects:
        if each["kind"] == "Job":
            found["pod"] = each["spec"]["template"]
        if each["kind"] == "MPIJob":
            found.update({role: replica["template"] for role, replica in each["spec"]["mpiReplicaSpecs"].items()})
    return found


def container(template):
    """The one container of a pod."""
    (found,) = template["spec"]["containers"]
    return found


def environment(template):
    """The variables of the container, as Kubernetes fills them in; a limit of processors is rounded up."""
    found = {}
    for variable in container(template)["env"]:
        if "valueFrom" in variable:
            resource = variable["valueFrom"]["resourceFieldRef"]["resource"]
            assert resource == "limits.cpu"
            found[variable["name"]] = str(math.ceil(cores(container(template)["resources"]["limits"]["cpu"])))
        else:
            found[variable["name"]] = variable["value"]
    return found


def cores(quantity):
    """Kubernetes' amount of processors as a number."""
    text = str(quantity)
    return int(text[:-1]) / 1000 if text.endswith("m") else float(text)


def config_text(objects):
    """The text of config.yaml in the ConfigMap."""
    return only(objects, "ConfigMap")["data"]["config.yaml"]
