"""The jobs of the manifests: which failures are tried again, and how the processes of a job find each other."""

import re

import pytest

from tests.support.manifests import DOWNWARD, ROOT, container, environment, needs_kubectl, only

pytestmark = needs_kubectl
DOCKERFILE = (ROOT / "Dockerfile").read_text()


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
    assert variables["LENET_RENDEZVOUS"] == f"{job['metadata']['name']}-0.{name}:{service['spec']['ports'][0]['port']}"
    assert variables["LENET_JOB_SECRET"] == DOWNWARD["metadata.labels['batch.kubernetes.io/controller-uid']"]
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
    assert container(worker["template"])["args"] == [
        "launch/container.sh",
        "/usr/sbin/sshd",
        "-De",
        "-f",
        f"{home}/.sshd_config",
    ]
    probe = container(worker["template"])["readinessProbe"]["tcpSocket"]
    assert {"name": probe["port"], "containerPort": int(ports[0])} in container(worker["template"])["ports"]
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


@pytest.mark.parametrize("variant", ["mpi", "mpi-gpu"], indirect=True)
def test_mpijob_waits_for_nothing_that_cannot_come(objects):
    """A gang is the workers alone; mpirun, which waits twice before it kills, ends within 10 s of a loss."""
    spec = only(objects, "MPIJob")["spec"]
    workers = spec["mpiReplicaSpecs"]["Worker"]
    assert spec["runPolicy"]["schedulingPolicy"]["minAvailable"] == workers["replicas"]
    for replica in spec["mpiReplicaSpecs"].values():
        seconds = int(environment(replica["template"])["OMPI_MCA_odls_base_sigkill_timeout"])
        assert 2 * seconds < 10 < replica["template"]["spec"]["terminationGracePeriodSeconds"]
