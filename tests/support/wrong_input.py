"""The table of what is refused, and how: for each row what is given, and what the one line of the error says.

`train.py` has sound options before the words of a row; {place} is the folder that wrong_files.py fills.
"""

from typing import NamedTuple

from tests.support.run_jobs import Launcher, gloo, horovodrun, mpirun


class Row(NamedTuple):
    """The words after `python`, a part of the error's line, variables of the environment."""

    words: str
    said: str
    variables: dict[str, str] = {}  # noqa: RUF012 (nobody changes it)


OPTIONS = {
    "no epochs": ("train.py --epochs 0", "--epochs 0: input should be greater"),
    "epochs in words": ("train.py --epochs three", "--epochs three: "),
    "part of an epoch": ("train.py --epochs 1.5", "--epochs 1.5: "),
    "empty epochs": ("train.py --epochs ''", "--epochs"),
    "epochs without a value": ("train.py --epochs", "--epochs: expected one argument"),
    "two lines of epochs": ("train.py --epochs '1\n2'", "--epochs 1 2: "),
    "endless epochs": (f"train.py --epochs {'9' * 100_000}", "--epochs 999"),
    "negative batch": ("train.py --batch-size -1", "--batch-size -1: "),
    "huge batch": ("train.py --batch-size 1000001", "--batch-size 1000001: "),
    "no learning rate": ("train.py --learning-rate 0", "--learning-rate 0: "),
    "NaN learning rate": ("train.py --learning-rate nan", "--learning-rate nan: "),
    "infinite learning rate": ("train.py --learning-rate 1e999", "--learning-rate 1e999: "),
    "momentum of 1": ("train.py --momentum 1", "--momentum 1: input should be less than 1"),
    "negative weight decay": ("train.py --weight-decay=-0.1", "--weight-decay -0.1: "),
    "unknown schedule": ("train.py --schedule step", "--schedule step: input should be 'constant', 'linear'"),
    "negative warm-up": ("train.py --warmup-epochs -1", "--warmup-epochs -1: "),
    "no reference batch": ("train.py --reference-batch 0", "--reference-batch 0: "),
    "negative seed": ("train.py --seed -1", "--seed -1: "),
    "large seed": ("train.py --seed 2147483648", "--seed 2147483648: "),
    "unknown device": ("train.py --device tpu", "--device tpu: input should be 'auto', 'cpu' or 'gpu'"),
    "no steps": ("train.py --max-steps 0", "--max-steps 0: "),
    "log never": ("train.py --log-every 0", "--log-every 0: "),
    "checkpoint never": ("train.py --checkpoint-every 0", "--checkpoint-every 0: "),
    "keep none": ("train.py --keep 0", "--keep 0: "),
    "no patience": ("train.py --stall-timeout 0", "--stall-timeout 0: "),
    "misspelt option": ("train.py --epoch 3", "unknown option --epoch, did you mean --epochs?"),
    "no option": ("train.py more", "unknown option more"),
    "flag with a value": ("train.py --debug=maybe", "--debug"),
    "negative shift": ("train.py --shift -1", "--shift -1: "),
    "shift beyond the image": ("train.py --shift 28", "--shift 28: nothing of an image of 28 x 28"),
    "nowhere to write": ("train.py --output-dir ''", "--output-dir"),
    "blank data": ("train.py --data-dir ' '", "--data-dir"),
}
YAML = {
    "no config": ("train.py --config {place}/none.yaml", "none.yaml: No such file"),
    "a folder as config": ("train.py --config {place}", "{place}: Is a directory"),
    "a pipe as config": ("train.py --config {place}/pipe", "pipe: not a regular file"),
    "config of bytes": ("train.py --config {place}/bytes.yaml", "bytes.yaml: not YAML"),
    "config of broken lines": ("train.py --config {place}/broken.yaml", "broken.yaml: not YAML"),
    "config too long": ("train.py --config {place}/long.yaml", "long.yaml: more than 65,536 bytes"),
    "config of a list": ("train.py --config {place}/list.yaml", "list.yaml: not YAML options: "),
    "config with a list": ("train.py --config {place}/nested.yaml", "nested.yaml: epochs: one value is needed"),
    "config that grows": ("train.py --config {place}/grows.yaml", "grows.yaml: a: one value is needed"),
    "config that grows by merging": ("train.py --config {place}/merges.yaml", "merges.yaml: a: one value"),
    "config that runs": ("train.py --config {place}/runs.yaml", "runs.yaml: epochs: one value"),
    "misspelt key": ("train.py --config {place}/key.yaml", "unknown key batch-size, did you mean batch_size?"),
    "key given twice": ("train.py --config {place}/twice.yaml", "twice.yaml: epochs stands there twice"),
    "truth as number": ("train.py --config {place}/truth.yaml", "truth.yaml: epochs: True: a number is needed"),
    "NaN in YAML": ("train.py --config {place}/nan.yaml", "nan.yaml: learning_rate: nan: "),
}
DATA = {
    "no data folder": ("train.py --data-dir {place}/none", "none/train-images-idx3-ubyte: cannot be there"),
    "a missing file": ("train.py --data-dir {place}/missing", "t10k-labels-idx1-ubyte: is missing"),
    "cut labels": ("train.py --data-dir {place}/cut", "labels-idx1-ubyte: its header says 20 = 20 bytes, but only"),
    "10^12 images": ("train.py --data-dir {place}/claims", "images-idx3-ubyte: is cut short"),
    "damaged gzip": ("train.py --data-dir {place}/gzip", "is a damaged gzip file"),
    "a web page": ("train.py --data-dir {place}/page", "is not an IDX file"),
    "narrow images": ("train.py --data-dir {place}/narrow", "holds images of 28 x 28, "),
    "labels too many": ("train.py --data-dir {place}/uneven", "has 21 labels for the 20 images"),
    "an eleventh class": ("train.py --data-dir {place}/eleventh", "label 10 of image 3: only 0 to 9 have names"),
    "a class without a name": ("train.py --data-dir {place}/nameless", "classes.txt: the name of class 1 is empty"),
    "a folder as data file": ("train.py --data-dir {place}/folder", "train-labels-idx1-ubyte: is a folder"),
    "a pipe as data file": ("train.py --data-dir {place}/pipes", "train-labels-idx1-ubyte: is not a regular file"),
}
CHECKPOINTS = {
    "output below a file": ("train.py --output-dir {place}/pipe/run", "--output-dir {place}/pipe/run: Not a dir"),
    "output is a file": ("train.py --output-dir {place}/key.yaml", "--output-dir {place}/key.yaml: Not a directory"),
    "no checkpoint": ("train.py --resume {place}/none", "none/state.json: No such file"),
    "another folder": ("train.py --resume {place}/sound", "sound/state.json: No such file"),
    "state is no JSON": ("train.py --resume {place}/no-json", "state.json: it is not JSON"),
    "state is a list": ("train.py --resume {place}/is-list", "state.json: it is not the state of a checkpoint"),
    "state is endless": ("train.py --resume {place}/endless", "state.json: more than 65,536 bytes"),
    "state was edited": ("train.py --resume {place}/edited", "state.json: its SHA-256 is not the one"),
    "weights are damaged": ("train.py --resume {place}/damaged", "model.params: its SHA-256 is not the one"),
    "weights are gone": ("train.py --resume {place}/gone", "model.params: No such file"),
    "weights are a pipe": ("train.py --resume {place}/piped", "model.params: not a regular file"),
    "weights are a pickle": ("train.py --resume {place}/pickled", "model.params: not a whole .params file"),
    "weights of another network": (
        "train.py --global-batch 8 --resume {place}/other",
        "shape (3,), this network needs (6,)",
    ),
    "weights are NaN": (
        "train.py --global-batch 8 --resume {place}/nans",
        "the checkpoint: 0.bias holds values that are not finite",
    ),
    "momenta of another network": (
        "train.py --global-batch 8 --resume {place}/momenta",
        "optimizer: momentum:0.bias has shape (3,)",
    ),
    "more images than there are": ("train.py --resume {place}/beyond", "more images are done than an epoch has"),
    "another seed": ("train.py --global-batch 8 --resume {place}/whole --seed 7", "has seed 1, this one 7"),
    "other data": (
        "train.py --global-batch 8 --resume {place}/whole --data-dir {place}/second",
        "the run to resume has data ",
    ),
}
COMMANDS = {
    "unknown command": ("-m lenet shows", "shows"),
    "show none": ("-m lenet show --count 0", "0 is not a whole number from 1 to"),
    "show too many": ("-m lenet show --data-dir {place}/sound --count 21", "--count 21: there are 20 images"),
    "show as text": ("-m lenet show --output {place}/a.txt", "a name that ends in .png is needed"),
    "show what is damaged": ("-m lenet show --data-dir {place}/gzip", "is a damaged gzip file"),
    "evaluate nothing": ("-m lenet evaluate", "PARAMS"),
    "evaluate what is not there": ("-m lenet evaluate {place}/none --data-dir {place}/sound", "none: No such file"),
    "evaluate what is no network": ("-m lenet evaluate {place}/key.yaml --data-dir {place}/sound", "key.yaml: not a"),
    "predict by a pickle": ("-m lenet predict {place}/pickled/model.params", "not a whole .params file"),
    "predict text": ("-m lenet predict {place}/whole --image {place}/key.yaml", "not a whole PNG or JPEG"),
    "predict what is not there": ("-m lenet predict {place}/whole --image {place}/none", "none: No such file"),
    "report no run": ("-m lenet report {place}/none", "metrics.jsonl: No such file"),
    "export by another network": ("-m lenet export {place}/other/model.params", "this network needs"),
    "evaluate by a description that is none": (
        "-m lenet evaluate {place}/described/whole.params --data-dir {place}/sound",
        "network.json: it is not the description of a network",
    ),
    "pack nothing": ("-m lenet pack {place}/none {place}/packed", "none: No such file"),
    "export to nowhere": ("-m lenet export {place}/whole --output {place}/none/a.onnx", "there is no folder"),
}
ENVIRONMENT = {
    "threads in words": ({"OMP_NUM_THREADS": "many"}, "OMP_NUM_THREADS=many: a whole number is needed"),
    "no threads": ({"OMP_NUM_THREADS": "0"}, "OMP_NUM_THREADS=0: one thread is the least"),
    "unknown engine": ({"MXNET_ENGINE_TYPE": "Diesel"}, "MXNET_ENGINE_TYPE=Diesel: NaiveEngine, "),
    "an MXNet without CUDA": ({}, "--device gpu: this MXNet is built without CUDA"),
    "rank in words": ({"HOROVOD_RANK": "one\ntwo", "HOROVOD_SIZE": "2"}, r"HOROVOD_RANK=one\ntwo: a whole number"),
    "rank past the end": ({"HOROVOD_RANK": "5", "HOROVOD_SIZE": "2"}, "HOROVOD_RANK=5 HOROVOD_SIZE=2"),
    "nobody": ({"PMI_RANK": "0", "PMI_SIZE": "0"}, "PMI_RANK=0 PMI_SIZE=0"),
    "no process here": (
        {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_SIZE": "0"},
        "OMPI_COMM_WORLD_LOCAL_SIZE=0: no such place",
    ),
    "left over from a launcher": (
        {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"},
        "Open MPI started 2 processes but Horovod sees 1",
    ),
    "nowhere to meet": (
        {"HOROVOD_RANK": "0", "HOROVOD_SIZE": "2", "HOROVOD_CONTROLLER": "gloo"},
        "HOROVOD_GLOO_RENDEZVOUS_ADDR= ",
    ),
    "nobody to meet": (
        {
            "HOROVOD_RANK": "0",
            "HOROVOD_SIZE": "2",
            "HOROVOD_CONTROLLER": "gloo",
            "HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1",
            "HOROVOD_GLOO_RENDEZVOUS_PORT": "1",
        },
        "HOROVOD_GLOO_RENDEZVOUS_PORT=1: horovodrun is not there",
    ),
}
ROWS = {
    **{name: Row(*row) for part in (OPTIONS, YAML, DATA, CHECKPOINTS, COMMANDS) for name, row in part.items()},
    **{name: Row("train.py --device gpu", said, variables) for name, (variables, said) in ENVIRONMENT.items()},
}
# Two processes: the launcher, what is given, and what rank 0 alone says of it.
TOGETHER: dict[str, tuple[Launcher, str, str]] = {
    "option": (gloo, "train.py --epochs 0", "--epochs 0: "),
    "data": (mpirun, "train.py --data-dir {place}/cut", "labels-idx1-ubyte: its header says"),
    "debug": (horovodrun, "train.py --debug", "--debug is for one process"),
    "checkpoint": (mpirun, "train.py --resume {place}/damaged", "SHA-256 is not the one"),
    "output": (gloo, "train.py --output-dir {place}/key.yaml", "Not a directory"),
    "evaluate": (mpirun, "-m lenet evaluate {place}/none --data-dir {place}/sound", "none: No such file"),
}
