"""SGD with Nesterov's momentum and weight decay, in a few of MXNet's fused calls for all parameters together."""

from mxnet import nd


def step(weights, gradients, momenta, rate, momentum, decay):
    """Take one step in place; lists of NDArrays of the same shapes, no `momenta` for plain SGD.

    The weights stand where the momenta will carry them, and the gradients are of there (Sutskever et al. 2013, On the
    importance of initialization and momentum in deep learning, section 2): back, a step of
        v <- momentum * v - rate * (gradient + decay * w),  w <- w + v
    and ahead again. MXNet's own `nag_mom_update` may read a weight after it has written it, or not, as the array
    lies in memory: a resumed run would end in other bits.
    """
    count = len(weights)
    same = {"out": weights, "num_weights": count, "lrs": [rate] * count, "wds": [decay] * count}
    if not momenta:
        nd.multi_sgd_update(*_mixed(weights, gradients), **same)
        return
    _add(weights, momenta, -momentum)
    nd.multi_sgd_mom_update(*_mixed(weights, gradients, momenta), momentum=momentum, **same)
    _add(weights, momenta, momentum)


def _add(weights, momenta, times):
    """weights += times * momenta, as a step of plain SGD."""
    count = len(weights)
    nd.multi_sgd_update(
        *_mixed(weights, momenta), out=weights, num_weights=count, lrs=[-times] * count, wds=[0] * count
    )


def _mixed(*lists):
    """The first of each list, the second of each, and so on: as the fused calls want them."""
    return [array for arrays in zip(*lists) for array in arrays]
