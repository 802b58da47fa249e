"""What the library is asked to do: the structs of lenet5.cpp, field by field."""

import ctypes
from ctypes import c_double, c_float, c_int32, c_int64, c_void_p
from enum import IntEnum

METRICS = 4  # numbers behind the gradients: loss, correct, images, shards in range


class Data(ctypes.Structure):
    """LenetData"""

    _fields_ = (
        ("pixels", c_void_p),
        ("labels", c_void_p),
        ("images", c_int64),
        ("parameters", c_int64),
        ("label_bytes", c_int32),
        ("height", c_int32),
        ("width", c_int32),
        ("channels", c_int32),
        ("classes", c_int32),
        ("mean", c_float * 4),
        ("std", c_float * 4),
    )


class Gradients(ctypes.Structure):
    """LenetGradients"""

    _fields_ = (
        ("data", Data),
        ("weights", c_void_p),
        ("rows", c_void_p),
        ("draws", c_void_p),
        ("total", c_void_p),
        ("count", c_int64),
        ("shard", c_int64),
        ("step_images", c_int64),
        ("step_shards", c_int64),
        ("total_length", c_int64),
        ("smoothing", c_double),
        ("threads", c_int32),
    )


class Logits(ctypes.Structure):
    """LenetLogits"""

    _fields_ = (
        ("data", Data),
        ("weights", c_void_p),
        ("logits", c_void_p),
        ("begin", c_int64),
        ("count", c_int64),
        ("threads", c_int32),
    )


class Rule(IntEnum):
    """How the weights are updated; the formulas are in lenet5.cpp."""

    SGD = 0
    NESTEROV = 1
    ADAM = 2
    ADAMW = 3


class Update(ctypes.Structure):
    """LenetUpdate"""

    _fields_ = (
        ("weights", c_void_p),
        ("slot1", c_void_p),
        ("slot2", c_void_p),
        ("total", c_void_p),
        ("count", c_int64),
        ("step", c_int64),
        ("rule", c_int32),
        ("rate", c_double),
        ("weight_decay", c_double),
        ("momentum", c_double),
        ("beta1", c_double),
        ("beta2", c_double),
        ("epsilon", c_double),
        ("clip_norm", c_double),
    )
