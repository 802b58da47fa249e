"""The manifests render to what Kubernetes and the MPI operator take; sizes and the image stand in one place."""

import copy
import shutil
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from lenet.config import read_config
from tests.support.manifests import (
    K8S,
    check,
    config_text,
    container,
    cores,
    environment,
    needs_kubectl,
    only,
    render,
    templates,
)

pytestmark = needs_kubectl


def test_schema(objects):
    check(objects)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda job: job.update(kind="Jobb"),
        lambda job: job["spec"].update(backOffLimit=1),
        lambda job: job["spec"]["template"]["spec"].update(restartpolicy="Never"),
        lambda job: job["spec"].update(completions="4"),
    ],
)
def test_schema_sees_mistakes(break_it):
    job = only(render("indexed"), "Job")
    break_it(job)
    with pytest.raises((kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError)):
        check([job])


@pytest.mark.parametrize(
    "break_it",
    [
        lambda spec: spec["mpiReplicaSpecs"].update(launcher=spec["mpiReplicaSpecs"].pop("Launcher")),
        lambda spec: spec["runPolicy"].update(backoffLimit=0),
        lambda spec: spec.update(slots=1),
        lambda spec: spec["mpiReplicaSpecs"]["Worker"]["template"]["spec"].update(container=[]),
    ],
)
def test_mpijob_check_sees_mistakes(break_it):
    job = copy.deepcopy(only(render("mpi"), "MPIJob"))
    break_it(job["spec"])
    with pytest.raises((AssertionError, kubernetes_validate.ValidationError)):
        check([job])


def test_config_is_one_of_train(objects, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(config_text(objects))
    config = read_config(["--config", str(path)])
    assert config.output_dir == "runs/lenet"
    assert config.checkpoint_every


def test_threads_are_those_of_every_other_way_to_run(objects):
    """Their number is a part of the result: train.py sets it, whatever a pod's limit is."""
    for template in templates(objects).values():
        assert "OMP_NUM_THREADS" not in environment(template)
        assert cores(container(template)["resources"]["limits"]["cpu"]) == 1


def test_gpu_variants(variant, objects):
    for template in templates(objects).values():
        limits = container(template)["resources"]["limits"]
        assert limits.get("nvidia.com/gpu") == (1 if variant.endswith("-gpu") else None)
        assert container(template)["image"].endswith("-gpu") == variant.endswith("-gpu")


def test_sizes_and_image_stand_in_one_place(variant, tmp_path):
    root = shutil.copytree(K8S, tmp_path / "k8s")
    (root / "base" / "sizes.yaml").write_text(yaml.safe_dump(other_sizes(root / "base" / "sizes.yaml")))
    image = root / "components" / "image" / "kustomization.yaml"
    image.write_text(image.read_text().replace("newName: lenet", "newName: registry.example/team/lenet"))
    objects = render(variant, root)
    check(objects)
    storage = only(objects, "PersistentVolumeClaim")["spec"]["resources"]["requests"]["storage"]
    assert storage == "9Gi"
    for template in templates(objects).values():
        assert container(template)["image"].startswith("registry.example/team/lenet:")
        resources = container(template)["resources"]
        assert resources["requests"] == {"cpu": "750m", "memory": "3Gi"}
        assert (str(resources["limits"]["cpu"]), resources["limits"]["memory"]) == ("3", "3Gi")
    for each in objects:
        if each["kind"] == "Job" and "completionMode" in each["spec"]:
            assert each["spec"]["completions"] == each["spec"]["parallelism"] == 7
            assert environment(each["spec"]["template"])["LENET_PODS"] == "7"
        if each["kind"] == "MPIJob":
            assert each["spec"]["mpiReplicaSpecs"]["Worker"]["replicas"] == 5
            assert each["spec"]["runPolicy"]["schedulingPolicy"]["minAvailable"] == 5


def other_sizes(path: Path) -> dict[str, Any]:
    sizes = yaml.safe_load(path.read_text())
    others = {
        "pods": "7",
        "workers": "5",
        "cpu-request": "750m",
        "cpu-limit": "3",
        "memory": "3Gi",
        "storage": "9Gi",
    }
    assert set(sizes["data"]) == set(others)
    sizes["data"] = others
    return sizes


def test_kueue_queues_the_job(variant, tmp_path):
    root = shutil.copytree(K8S, tmp_path / "k8s")
    path = root / variant / "kustomization.yaml"
    path.write_text(f"{path.read_text().rstrip()}\n  - ../components/kueue\n")
    objects = render(variant, root)
    check(objects)
    queued = [each for each in objects if each["metadata"]["labels"].pop("kueue.x-k8s.io/queue-name", None)]
    assert [each["kind"] for each in queued] == ["MPIJob" if "mpi" in variant else "Job"]
    assert objects == render(variant)  # and nothing else is changed
