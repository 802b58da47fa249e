"""The images of the Dockerfile, built on this machine without a Docker daemon."""

import re
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

from tests.support import pods
from tests.support.manifests import ROOT

BASE = "localhost/lenet-test-base"
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def build(folder, tag, *words):
    """Builds the Dockerfile's last stage or, with words for buildah, another one, and returns its tag.

    The base is made here: bookworm's minimal system is what debian:bookworm-slim is. This machine's way to its
    package registries (pip's settings, certificates) is mounted for the build alone; `folder` holds what that needs.
    """
    if subprocess.run(["podman", "image", "exists", BASE], check=False).returncode != 0:
        pods.run("mmdebstrap", "--variant=minbase", "bookworm", folder / "base.tar")
        pods.run("podman", "import", folder / "base.tar", BASE)
    pip = folder / "pip.conf"
    pip.write_text(_pip_settings())
    mounts = ["--volume", f"{pip}:/etc/pip.conf:ro"]
    if BUNDLE.exists():
        mounts += ["--volume", f"{BUNDLE}:/run/build/ca.crt:ro"]
    command = ["buildah", "bud", "--isolation", "chroot", "--network", "host", "--layers", "--pull-never"]
    pods.run(*command, "--from", BASE, *mounts, *words, "--tag", tag, ROOT)
    return tag


def _pip_settings() -> str:
    """This machine's settings of pip, but for the words that name a place on its disk: a build does not see it."""
    listing = pods.run(sys.executable, "-m", "pip", "config", "list")
    lines = ["[global]"]
    for name, value in re.findall(r"^global\.([\w-]+)=('.*')$", listing, re.M):
        words = [word for word in literal_eval(value).split() if not word.startswith(("/", "~", ".", "file:"))]
        if words:
            lines.append(f"{name} = {' '.join(words)}")
    if BUNDLE.exists():
        lines.append("cert = /run/build/ca.crt")
    return "\n".join(lines) + "\n"
