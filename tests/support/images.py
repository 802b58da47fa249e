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


# Settings of pip that name files or folders, which a build does not see, and those of what it does not do.
PLACES = {
    "build",
    "cache-dir",
    "cert",
    "client-cert",
    "constraint",
    "find-links",
    "log",
    "prefix",
    "requirement",
    "root",
}
PLACES |= {"src", "target", "proxy-cert", "python", "no-index"}


def _pip_settings() -> str:
    """This machine's settings of pip, for the build."""
    settings = portable(pods.run(sys.executable, "-m", "pip", "config", "list"))
    if BUNDLE.exists():
        settings["cert"] = "/run/build/ca.crt"
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items())]) + "\n"


def portable(listing: str) -> dict[str, str]:
    """What `pip config list` says, from files and the environment, but for what names a place on this machine."""
    settings = {}
    for name, text in re.findall(r"^(?:global|install|:env:)\.([\w-]+)=(['\"].*['\"])$", listing, re.M):
        words = [word for word in str(literal_eval(text)).split() if not re.match(r"[/~.]|file:", word)]
        if words and name not in PLACES:
            settings[name] = " ".join(words)
    return settings
