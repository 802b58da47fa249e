"""Configs, data sets and checkpoints with one thing wrong each, for the table of wrong_input.py."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from lenet.run import checkpoint
from tests.support import datasets, run_jobs


def write_yaml(place: Path) -> None:
    anchors = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi")
    )
    merges = "a: &a {x: 1}\n" + "".join(
        f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi")
    )
    for name, text in {
        "broken": "epochs: 3: 4",
        "long": "#" * 70_000,
        "list": "[epochs, 3]",
        "nested": "epochs: [1, 2]",
        "grows": anchors,
        "merges": merges,
        "runs": f"epochs: !!python/object/apply:os.mkdir ['{place}/ran']",
        "key": "batch-size: 3",
        "twice": "epochs: 3\nepochs: 4",
        "truth": "epochs: true",
        "nan": "learning_rate: .nan",
    }.items():
        (place / f"{name}.yaml").write_text(text)
    (place / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(place / "pipe")


def write_data(place: Path) -> None:
    sound = datasets.write(place / "sound", train=20, validation=10)
    datasets.write(place / "second", train=20, validation=10, seed=3)
    images, labels = np.zeros((20, 28, 28), np.uint8), np.arange(20, dtype=np.uint8) % 10
    train_images, train_labels = datasets.NAMES[:2]
    pack, zipped = datasets.pack, (sound / f"{train_images}.gz").read_bytes()
    eleventh = np.where(np.arange(20) == 3, 10, labels).astype(np.uint8)
    for folder, name, content in [
        ("cut", train_labels, pack(labels)[:-1]),
        ("claims", train_images, pack(images, shape=(10**6, 10**6, 784))),
        ("gzip", train_images, zipped[: len(zipped) // 2]),
        ("page", train_images, b"<!DOCTYPE html><html>404</html>"),
        ("narrow", train_images, pack(images[:, :, 1:])),
        ("uneven", train_labels, pack(np.append(labels, labels[:1]))),
        ("eleventh", train_labels, pack(eleventh)),
        ("nameless", "classes.txt", b"one\n\nthree\n"),
    ]:
        shutil.copytree(sound, place / folder)
        (place / folder / name).write_bytes(content)
    (place / "described").mkdir()
    (place / "described" / "network.json").write_text('{"network": "lenet5"}')
    for folder, make in [("folder", Path.mkdir), ("pipes", os.mkfifo)]:
        shutil.copytree(sound, place / folder)
        make(place / folder / train_labels)
    (shutil.copytree(sound, place / "missing") / f"{datasets.NAMES[3]}.gz").unlink()


def write_checkpoints(place: Path) -> None:
    """One whole checkpoint of a run of two steps, and copies with one thing wrong each."""
    run_jobs.train([], place / "run", "--data-dir", place / "sound", "--global-batch", 8, "--max-steps", 2)
    (folder,) = checkpoint.folders(place / "run")
    whole = checkpoint.load(folder)
    copy(place, "whole", whole)
    other, nans = dict(whole.weights), dict(whole.weights)
    other["0.bias"], nans["0.bias"] = np.zeros(3, np.float32), np.full(6, np.nan, np.float32)
    copy(place, "other", replace(whole, weights=other))
    copy(place, "nans", replace(whole, weights=nans))
    slots = {**whole.slots, "momentum:0.bias": other["0.bias"]}
    copy(place, "momenta", replace(whole, slots=slots))
    copy(place, "beyond", replace(whole, progress=replace(whole.progress, images_done=20)))
    for name, file, content in [
        ("no-json", "state.json", b"{"),
        ("is-list", "state.json", b"[1]"),
        ("endless", "state.json", b"[" * 70_000),
        ("edited", "state.json", (folder / "state.json").read_bytes().replace(b'"step": 2', b'"step": 3')),
        ("damaged", "model.params", (folder / "model.params").read_bytes()[:-1] + b"!"),
    ]:
        (copy(place, name, whole) / file).write_bytes(content)
    (copy(place, "gone", whole) / "model.params").unlink()
    piped = copy(place, "piped", whole)
    (piped / "model.params").unlink()
    os.mkfifo(piped / "model.params")
    pickled = copy(place, "pickled", whole)
    (pickled / "model.params").write_bytes(b"cos\nmkdir\n(S'ran'\ntR.")
    sign(pickled)


def copy(place: Path, name: str, content: checkpoint.Checkpoint) -> Path:
    """The folder of a checkpoint whose digests are right, whatever it holds."""
    shutil.rmtree(place / "made", ignore_errors=True)
    (place / "made").mkdir()
    return checkpoint.save(place / "made", content, keep=1).rename(place / name)


def sign(folder: Path) -> None:
    """Give a checkpoint the digests of what it holds now."""
    state = json.loads((folder / "state.json").read_text())
    state["sha256"] = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("model.params", "optimizer.params")
    }
    state["sha256"]["state.json"] = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
    (folder / "state.json").write_text(json.dumps(state))
