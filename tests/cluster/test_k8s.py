"""The manifests: they render, the cluster's rules hold, and what must agree with something else does."""

import copy
import re
import shutil

import kubernetes_validate
import pytest
import yaml

from lenet.config import read_config
from tests.support.manifests import (
    K8S,
    ROOT,
    VARIANTS,
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
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SCHEMA = kubernetes_validate.latest_version()


def check(objects):
    """Strictly: unknown fields and kinds are errors. MPIJob is not Kubernetes' own: see check_mpijob."""
    for each in objects:
        if each["kind"] == "MPIJob":
            check_mpijob(each)
        else:
            kubernetes_validate.validate(each, SCHEMA, strict=True)


def check_mpijob(job):
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
    assert set(spec["runPolicy"]) == {"backoffLimit", "cleanPodPolicy"}
    assert spec["runPolicy"]["backoffLimit"] > 0
    assert spec["launcherCreationPolicy"] == "WaitForWorkersReady"
    assert spec["mpiReplicaSpecs"]["Launcher"]["restartPolicy"] == "Never"


@pytest.fixture(params=VARIANTS)
def variant(request):
    return request.param


@pytest.fixture
def objects(variant):
    return render(variant)


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


def test_pod_security_restricted(objects):
    """The profile `restricted`, and what goes beyond it: a read-only root, no token, limits."""
    assert templates(objects)
    for template in templates(objects).values():
        pod, process = template["spec"], container(template)
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert process["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        allowed = {"name", "configMap", "emptyDir", "persistentVolumeClaim"}
        assert all(set(volume) <= allowed for volume in pod["volumes"])
        assert pod["automountServiceAccountToken"] is False
        assert {"cpu", "memory"} <= set(process["resources"]["requests"])
        assert {"cpu", "memory"} <= set(process["resources"]["limits"])
        assert pod["terminationGracePeriodSeconds"] >= 30


def test_pods_agree_with_image(objects):
    uid = int(re.search(r"^USER (\d+):\d+$", DOCKERFILE, re.M)[1])
    assert f"useradd --uid {uid} " in DOCKERFILE
    for template in templates(objects).values():
        context = template["spec"]["securityContext"]
        assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] == uid
        mounts = {each["name"]: each["mountPath"] for each in container(template)["volumeMounts"]}
        workdir = re.search(r"^WORKDIR (.+)$", DOCKERFILE, re.M)[1]
        assert mounts.get("output", f"{workdir}/runs") == f"{workdir}/runs"
        assert {mount["name"] for mount in container(template)["volumeMounts"]} == {
            volume["name"] for volume in template["spec"]["volumes"]
        }
        assert container(template).get("command", ["tini", "--"]) == ["tini", "--"]
    assert 'ENTRYPOINT ["tini", "--"]' in DOCKERFILE


def test_names_agree(objects):
    """Each claim and ConfigMap that a pod mounts is there, and so is what the command reads from it."""
    here = {(each["kind"], each["metadata"]["name"]) for each in objects}
    for template in templates(objects).values():
        for volume in template["spec"]["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in here
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in here
    trains = [each for each in templates(objects).values() if "train.py" in container(each)["args"]]
    assert len(trains) == 1
    args = container(trains[0])["args"]
    assert args[args.index("train.py") :] == ["train.py", "--config", "/etc/lenet/config.yaml"]
    assert all(
        {"name": "config", "mountPath": "/etc/lenet", "readOnly": True} in container(each)["volumeMounts"]
        for each in templates(objects).values()
    )


def test_config_is_one_of_train(objects, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(config_text(objects))
    config = read_config(["--config", str(path)])
    assert config.output_dir == "runs/lenet"
    assert config.checkpoint_every


def test_threads_are_limit(objects):
    for template in templates(objects).values():
        assert environment(template)["OMP_NUM_THREADS"] == "1"
        assert cores(container(template)["resources"]["limits"]["cpu"]) == 1


def test_network_policy_lets_job_talk_alone(objects):
    policy = only(objects, "NetworkPolicy")["spec"]
    own = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "lenet"}}}
    assert policy["podSelector"] == own["podSelector"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [{"from": [own]}]
    to_own, dns = policy["egress"]
    assert to_own == {"to": [own]}
    assert dns == {"ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}
    for template in templates(objects).values():
        assert template["metadata"]["labels"]["app.kubernetes.io/name"] == "lenet"


def test_claim_can_be_mounted(variant, objects):
    """ReadWriteOnce is for one node: one pod has it, or all that have it are kept together."""
    modes = only(objects, "PersistentVolumeClaim")["spec"]["accessModes"]
    having = [
        template
        for template in templates(objects).values()
        if any("persistentVolumeClaim" in volume for volume in template["spec"]["volumes"])
    ]
    (template,) = having
    alone = "indexed" not in variant
    together = "podAffinity" in template["spec"].get("affinity", {})
    assert modes == (["ReadWriteOnce"] if alone or together else ["ReadWriteMany"])
    assert together == (variant == "indexed")


@pytest.mark.parametrize("variant", ["single", "indexed"], indirect=True)
def test_job_failures(objects):
    spec = only(objects, "Job")["spec"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"  # podFailurePolicy wants it
    assert spec["backoffLimit"] > 0
    bad_input, disruption, stopped = spec["podFailurePolicy"]["rules"]
    assert (bad_input["action"], bad_input["onExitCodes"]["values"]) == ("FailJob", [2])
    assert (disruption["action"], disruption["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert (stopped["action"], stopped["onExitCodes"]["values"]) == ("Ignore", [143])
    for rule in (bad_input, stopped):
        assert rule["onExitCodes"]["containerName"] == container(spec["template"])["name"]


@pytest.mark.parametrize("variant", ["indexed", "indexed-spread"], indirect=True)
def test_indexed_pods_find_each_other(objects):
    job, service = only(objects, "Job"), only(objects, "Service")
    spec, name = job["spec"], service["metadata"]["name"]
    assert spec["completionMode"] == "Indexed"
    variables = environment(spec["template"])
    assert spec["completions"] == spec["parallelism"] == int(variables["LENET_PODS"])
    assert spec["template"]["spec"]["subdomain"] == name
    assert variables["LENET_MEETING"] == f"{job['metadata']['name']}-0.{name}:{service['spec']['ports'][0]['port']}"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    assert container(spec["template"])["args"][:3] == ["python", "-m", "distributed.pods.agent"]


@pytest.mark.parametrize("variant", ["mpi", "mpi-gpu"], indirect=True)
def test_mpijob_agrees_with_image(objects):
    """Home and port as the image has them; as many processes as slots; the claim is where rank 0 is."""
    spec = only(objects, "MPIJob")["spec"]
    home = "/home/lenet"
    assert "--create-home" in DOCKERFILE
    assert spec["sshAuthMountPath"] == f"{home}/.ssh"
    assert f"HostKey {home}/.ssh/id_rsa" in DOCKERFILE
    ports = re.findall(r"'Port (\d+)'", DOCKERFILE)
    assert len(ports) == 2  # of server and client
    assert len(set(ports)) == 1
    assert int(ports[0]) > 1024
    launcher, worker = (spec["mpiReplicaSpecs"][role] for role in ("Launcher", "Worker"))
    assert container(worker["template"])["args"] == ["/usr/sbin/sshd", "-De", "-f", f"{home}/.sshd_config"]
    # Without a number, mpirun starts a process in each slot of the host file: launcher and workers.
    assert spec["runLauncherAsWorker"] is True
    assert spec["slotsPerWorker"] == launcher["replicas"] == 1
    assert not re.search(r" -np? ", " ".join(container(launcher["template"])["args"]))
    assert [volume["name"] for volume in launcher["template"]["spec"]["volumes"]] == [
        "output",
        "config",
        "tmp",
    ]
    assert [volume["name"] for volume in worker["template"]["spec"]["volumes"]] == ["config", "tmp"]


def test_gpu_variants(variant, objects):
    for template in templates(objects).values():
        limits = container(template)["resources"]["limits"]
        assert limits.get("nvidia.com/gpu") == (1 if variant.endswith("-gpu") else None)
        assert container(template)["image"].endswith("-gpu") == variant.endswith("-gpu")


def test_sizes_and_image_stand_in_one_place(variant, tmp_path):
    root = shutil.copytree(K8S, tmp_path / "k8s")
    (root / "base" / "sizes.yaml").write_text(yaml.safe_dump(_other_sizes(root / "base" / "sizes.yaml")))
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
        assert environment(template)["OMP_NUM_THREADS"] == "3"
    for each in objects:
        if each["kind"] == "Job" and "completionMode" in each["spec"]:
            assert each["spec"]["completions"] == each["spec"]["parallelism"] == 7
            assert environment(each["spec"]["template"])["LENET_PODS"] == "7"
        if each["kind"] == "MPIJob":
            assert each["spec"]["mpiReplicaSpecs"]["Worker"]["replicas"] == 5


def _other_sizes(path):
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
