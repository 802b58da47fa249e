"""The native library without MXNet: cases to compute, and builds of other widths and for other processors."""

import ctypes
import hashlib
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lenet.native import tasks
from lenet.native.loader import load_library
from tests.support.run_jobs import ROOT

SOURCE = ROOT / "lenet/native/lenet5.cpp"
FLAGS = ["-std=c++17", "-ffp-contract=off", "-fno-math-errno", "-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-pthread"]


@dataclass(frozen=True, eq=False)
class Case:
    """A step to compute: what NativeShards takes, as NumPy's arrays."""

    images: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    order: np.ndarray
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: int
    shard: int
    smoothing: float = 0.0
    draws: np.ndarray | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        height, width, *channels = self.images.shape[1:]
        return (channels[0] if channels else 1), height, width


def shapes_of(classes: int, image_shape: tuple[int, int, int]) -> dict[str, tuple[int, ...]]:
    """The shapes of LeNet-5's parameters, in their order."""
    channels, height, width = image_shape
    inputs = 16 * (((height - 4) // 2 - 2) // 2) * (((width - 4) // 2 - 2) // 2)
    weights = {"0": (6, channels, 5, 5), "2": (16, 6, 3, 3), "5": (120, inputs), "6": (84, 120), "7": (classes, 84)}
    shapes = {}
    for name, shape in weights.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes


def split(vector: np.ndarray, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The parameters in a flat vector."""
    parts = np.split(vector, np.cumsum([np.prod(shape) for shape in shapes.values()]))
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts)}


def make_case(seed=1, images=9, height=28, width=28, channels=1, classes=10, shard=64, steps=None, **more) -> Case:
    """A case of noise; `steps` are the images in the order, by default all once."""
    random = np.random.RandomState(seed)
    shape = (images, height, width, channels) if channels > 1 else (images, height, width)
    weights = []
    for name, each in shapes_of(classes, (channels, height, width)).items():
        largest = 0.2 if name.endswith("bias") else np.sqrt(6 / np.prod(each[1:]))
        weights.append((largest * (2 * random.random_sample(each) - 1)).astype(np.float32).ravel())
    return Case(
        images=random.randint(0, 256, shape).astype(np.uint8),
        labels=random.randint(0, classes, images).astype(np.uint8 if classes <= 256 else np.int32),
        weights=np.concatenate(weights),
        order=(random.permutation(images) if steps is None else random.randint(0, images, steps)).astype(np.int32),
        mean=(0.13, 0.2, 0.3, 0.4)[:channels],
        std=(0.31, 0.4, 0.5, 0.6)[:channels],
        classes=classes,
        shard=shard,
        **more,
    )


def _pointer(array: np.ndarray | None) -> int | None:
    assert array is None or array.flags.c_contiguous
    return None if array is None else array.ctypes.data


def _data(case: Case) -> tasks.Data:
    channels, height, width = case.image_shape
    return tasks.Data(
        pixels=_pointer(case.images),
        labels=_pointer(case.labels),
        images=len(case.images),
        parameters=len(case.weights),
        label_bytes=case.labels.itemsize,
        height=height,
        width=width,
        channels=channels,
        classes=case.classes,
        mean=(ctypes.c_float * 4)(*case.mean),
        std=(ctypes.c_float * 4)(*case.std),
    )


def totals(case: Case, threads=1, library: ctypes.CDLL | None = None, begin=0, end=None) -> np.ndarray:
    """The int64 sums (parameters + METRICS,) of the images `order[begin:end]` of the case's step.

    Bad input ends the process: NativeShards raises it.
    """
    end = len(case.order) if end is None else end
    total = np.empty(len(case.weights) + tasks.METRICS, np.int64)
    task = tasks.Gradients(
        data=_data(case),
        weights=_pointer(case.weights),
        rows=_pointer(case.order) + 4 * begin,
        draws=_pointer(case.draws),
        total=_pointer(total),
        count=end - begin,
        shard=case.shard,
        step_images=len(case.order),
        step_shards=-(-len(case.order) // case.shard),
        total_length=len(total),
        smoothing=case.smoothing,
        threads=threads,
    )
    (library or load_library()).lenet_gradients(None, ctypes.byref(task))
    return total


def logits(case: Case, begin=0, count=None, threads=1, library: ctypes.CDLL | None = None) -> np.ndarray:
    """The logits (count, classes) float32 of the case's images."""
    count = len(case.images) - begin if count is None else count
    result = np.empty((count, case.classes), np.float32)
    task = tasks.Logits(
        data=_data(case),
        weights=_pointer(case.weights),
        logits=_pointer(result),
        begin=begin,
        count=count,
        threads=threads,
    )
    (library or load_library()).lenet_logits(None, ctypes.byref(task))
    return result


def loss_and_gradients(case: Case, **more) -> tuple[float, dict[str, np.ndarray]]:
    """The mean loss and the gradients in float64, as the totals have them."""
    total = totals(case, **more) / 2.0**40
    return total[len(case.weights)], split(total[: len(case.weights)], shapes_of(case.classes, case.image_shape))


def different_cases() -> list[Case]:
    """Cases that together take every branch of the code; their results' digest is known."""
    rng = np.random.RandomState(5)
    draws = np.stack([rng.randint(0, 2, 20), rng.randint(-3, 4, 20), rng.randint(-3, 4, 20)]).astype(np.int32)
    usual = make_case(images=70, shard=16)
    return [
        usual,
        replace(usual, shard=64, smoothing=0.1),
        make_case(2, images=20, height=12, width=15, channels=3, classes=2, shard=7, draws=draws),
        make_case(3, images=5, height=17, width=21, channels=4, classes=300, shard=2, smoothing=0.2),
        replace(make_case(4, images=3, channels=2), images=np.zeros((3, 28, 28, 2), np.uint8)),
    ]


def digest(library: ctypes.CDLL | None = None) -> str:
    """The SHA-256 of gradients, metrics and logits of different cases."""
    results = hashlib.sha256()
    for case in different_cases():
        results.update(totals(case, 2, library).tobytes())
        results.update(logits(case, library=library).tobytes())
    return results.hexdigest()


def build(output: Path, lanes: int, *options: str, compiler: str = "c++", source: Path = SOURCE) -> Path:
    """Compile the library, or the program `source`, for registers of so many floats."""
    words = [*FLAGS, *options, f"-DLENET_LANES={lanes}", '-DLENET_KIND="test"', '-DLENET_SOURCE="test"']
    shared = ["-shared", "-fPIC"] if source == SOURCE else []
    subprocess.run([compiler, *words, *shared, source, "-o", output], check=True, timeout=200)
    return output
