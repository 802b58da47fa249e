"""An API server that a real kubectl talks to, whose objects a test makes, changes and takes away."""

import json
import threading
import time
import uuid
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from tests.support.run_jobs import until

Object = dict[str, Any]
GROUPS = {
    "v1": {"pods": "Pod", "services": "Service", "configmaps": "ConfigMap"},
    "batch/v1": {"jobs": "Job"},
    "networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
    "kubeflow.org/v2beta1": {"mpijobs": "MPIJob"},
}
GROUPS["v1"]["persistentvolumeclaims"] = "PersistentVolumeClaim"
VERBS = ["create", "delete", "get", "list", "patch", "watch"]


class FakeCluster(ThreadingHTTPServer):
    """Serves `objects` by resource and name. No controller changes them: the test does, while kubectl looks on.

    `logs` has the lines of each pod with the time of each; a stream of them ends with its pod or when `dropped` grows.
    `refusal` is the text with which the server refuses what it is asked to create; while it `fails` it does nothing
    else. `asked` has every request.
    """

    daemon_threads = True

    def __init__(self, has_operator: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.groups = {group: kinds for group, kinds in GROUPS.items() if has_operator or "kubeflow" not in group}
        self.objects: dict[str, dict[str, Object]] = defaultdict(dict)
        self.logs: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.asked: list[str] = []
        self.dropped, self.refusal, self.fails = 0, "", False

    def __enter__(self) -> "FakeCluster":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def kubeconfig(self) -> str:
        """What kubectl needs to find this cluster."""
        names = {"name": "fake", "cluster": {"server": f"http://127.0.0.1:{self.server_port}"}}
        context = {"name": "fake", "context": {"cluster": "fake", "namespace": "default"}}
        kind = {"apiVersion": "v1", "kind": "Config", "current-context": "fake"}
        return json.dumps({**kind, "clusters": [names], "contexts": [context]})

    def wait_for(self, resource: str, name: str) -> Object:
        """The object, once it is made."""
        return until(lambda: self.objects[resource].get(name))

    def put(self, resource: str, name: str, status: Object | None = None, **fields: Any) -> None:
        """Make an object, or change it: what it had before is gone but for its labels and its age."""
        old = self.objects[resource].get(name, {"metadata": {"creationTimestamp": stamp(), "uid": uuid.uuid4().hex}})
        metadata = {**old["metadata"], "name": name, "namespace": "default"}
        metadata["labels"] = fields.pop("labels", metadata.get("labels", {"app.kubernetes.io/name": "lenet"}))
        kind = next(kinds[resource] for kinds in GROUPS.values() if resource in kinds)
        group = next(group for group, kinds in GROUPS.items() if resource in kinds)
        self.objects[resource][name] = {
            "apiVersion": group,
            "kind": kind,
            "metadata": metadata,
            "spec": {"containers": [{"name": "lenet"}]} if resource == "pods" else old.get("spec", {}),
            "status": status or {},
            **fields,
        }

    def say(self, pod: str, text: str) -> None:
        """Add a line to the log of a pod."""
        self.logs[pod].append((stamp(), text))

    def may_exit(self, pod: str) -> bool:
        """Has the pod ended, or is it gone?"""
        return self.objects["pods"].get(pod, {"status": {"phase": "Failed"}})["status"].get("phase") != "Running"


def stamp() -> str:
    """The time as Kubernetes writes it in front of a line."""
    now = time.time_ns()
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now // 10**9))}.{now % 10**9:09}Z"


class Answer(BaseHTTPRequestHandler):
    """One request of kubectl's."""

    @property
    def cluster(self) -> FakeCluster:
        return cast(FakeCluster, self.server)

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.cluster.asked.append(f"{self.command} {self.path}")
        words, query = url.path.strip("/").split("/"), {name: values[0] for name, values in parse_qs(url.query).items()}
        if self.cluster.fails:
            self._status(500, "InternalError", "etcd is away")
        elif url.path in ("/api", "/apis") or "/".join(words[1:]) in self.cluster.groups:
            self._send(200, self._discovery("/".join(words[1:])))
        elif words[0] == "openapi":
            self._send_bytes(200, b"", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        elif words[-1] == "log":
            self._stream(words[-2], query.get("sinceTime", ""), "follow" in query)
        elif "namespaces" not in words:
            self._missing(url.path)
        else:
            resource, *name = words[words.index("namespaces") + 2 :]
            self._object(resource, name[0] if name else "", query)

    do_POST = do_DELETE = do_PATCH = do_GET

    def _object(self, resource: str, name: str, query: dict[str, str]) -> None:
        found = self.cluster.objects[resource]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        if self.command == "POST" and self.cluster.refusal:
            self._status(403, "Forbidden", self.cluster.refusal)
        elif self.command == "POST":
            if "dryRun" not in query:
                body["metadata"] |= {"uid": uuid.uuid4().hex, "creationTimestamp": stamp()}
                found[body["metadata"]["name"]] = {**body, "status": {}}
            self._send(201, body)
        elif not name:
            items = [each for each in found.values() if _selects(query.get("labelSelector", ""), each)]
            self._send(200, {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items})
        elif name not in found:
            self._missing(f'{resource} "{name}" not found')
        elif self.command == "PATCH":
            found[name].setdefault("patches", []).append(body)
            self._send(200, found[name])
        else:
            self._send(200, found.pop(name) if self.command == "DELETE" else found[name])

    def _stream(self, pod: str, since: str, follows: bool) -> None:
        """The lines from `since` on, in whole seconds as Kubernetes counts it, and those that come."""
        self.send_response(200)
        self.end_headers()
        shown, dropped = 0, self.cluster.dropped
        while True:
            is_last = self.cluster.may_exit(pod) or not follows or self.cluster.dropped > dropped
            for when, text in self.cluster.logs[pod][shown:]:
                shown += 1
                if when[:19] >= since[:19]:
                    self.wfile.write(f"{when} {text}\n".encode())
            if is_last:
                return
            time.sleep(0.02)

    def _discovery(self, group: str) -> Object:
        if not group and self.path.startswith("/apis"):
            pairs = [name.split("/") for name in self.cluster.groups if "/" in name]
            versions = [(name, {"groupVersion": f"{name}/{version}", "version": version}) for name, version in pairs]
            groups = [{"name": name, "versions": [each], "preferredVersion": each} for name, each in versions]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        if not group:
            return {"kind": "APIVersions", "versions": ["v1"]}
        resources = [
            {"name": name, "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": VERBS}
            for name, kind in self.cluster.groups[group].items()
        ]
        return {"kind": "APIResourceList", "groupVersion": group, "resources": resources}

    def _missing(self, text: str) -> None:
        self._status(404, "NotFound", text)

    def _status(self, code: int, reason: str, message: str) -> None:
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
        self._send(code, {**body, "message": message})

    def _send(self, code: int, body: Object) -> None:
        self._send_bytes(code, json.dumps(body).encode(), "application/json")

    def _send_bytes(self, code: int, content: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _selects(selector: str, item: Object) -> bool:
    labels = item["metadata"].get("labels", {})
    for word in filter(None, selector.split(",")):
        name, value = word.replace("!=", "=").replace("==", "=").split("=")
        if (labels.get(name) == value) == ("!=" in word):
            return False
    return True
