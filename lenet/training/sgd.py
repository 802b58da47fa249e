"""SGD with Nesterov's momentum and weight decay, in MXNet's fused calls."""

from mxnet import nd

# A fused call goes over each of its arrays as often as the largest is long: only arrays of fewer numbers share one.
LARGE = 1000


def step(weights, gradients, momenta, rate, momentum, decay):
    """Take one step in place; lists of NDArrays of the same shapes, no `momenta` for plain SGD.

    The weights stand where the momenta will carry them, and the gradients are of there (Sutskever et al. 2013, On the
    importance of initialization and momentum in deep learning, section 2): back, a step of
        v <- momentum * v - rate * (gradient + decay * w),  w <- w + v
    and ahead again. MXNet's own `nag_mom_update` may read a weight after it has written it, or not, as the array
    lies in memory: a resumed run would end in other bits.
    """
    for places in _calls(weights):
        own = [[arrays[i] for i in places] for arrays in (weights, gradients, momenta) if arrays]
        count = len(places)
        same = {"out": own[0], "num_weights": count, "lrs": [rate] * count, "wds": [decay] * count}
        if not momenta:
            nd.multi_sgd_update(*_mixed(*own), **same)
            continue
        _add(own[0], own[2], -momentum)
        nd.multi_sgd_mom_update(*_mixed(*own), momentum=momentum, **same)
        _add(own[0], own[2], momentum)


def _calls(arrays):
    """The places of the arrays that share a call: all small ones; each large one has its own."""
    small = [i for i, array in enumerate(arrays) if array.size < LARGE]
    return [small] * bool(small) + [[i] for i, array in enumerate(arrays) if array.size >= LARGE]


def _add(weights, momenta, times):
    """weights += times * momenta, as a step of plain SGD."""
    count = len(weights)
    nd.multi_sgd_update(
        *_mixed(weights, momenta), out=weights, num_weights=count, lrs=[-times] * count, wds=[0] * count
    )


def _mixed(*lists):
    """The first of each list, the second of each, and so on: as the fused calls want them."""
    return [array for arrays in zip(*lists) for array in arrays]
