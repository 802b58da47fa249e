"""The pods of the manifests: locked down, on their own network, and with what they mount at hand."""

import re

from tests.support.manifests import ROOT, container, needs_kubectl, only, templates

pytestmark = needs_kubectl
DOCKERFILE = (ROOT / "Dockerfile").read_text()


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
    assert DOCKERFILE.count(f'ENTRYPOINT ["tini", "--", "{workdir}/launch/container.sh"]') == 2


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
