"""The network with its optimizer on one device: one step, one look at a batch, and its state as arrays."""

from mxnet import autograd, gluon, nd

from lenet.model.lenet5 import named_parameters, normalise
from lenet.model.padded import fast_lenet5
from lenet.training import sgd


class Learner:
    """What a step changes: the weights of `net` and their momenta, both on `device`."""

    def __init__(self, net, config, device):
        self.net, self.config, self.device = net, config, device
        is_plain = config.debug or device.device_type != "cpu"
        self.objective = Objective(net if is_plain else fast_lenet5(net))
        if not config.debug:
            self.objective.hybridize(static_alloc=True, static_shape=True)
        self.parameters = named_parameters(net)
        self.weights = [parameter.data() for parameter in self.parameters.values()]
        self.gradients = [parameter.grad() for parameter in self.parameters.values()]
        self.use_momenta({})

    def use_momenta(self, momenta):
        """Go on with `momenta`, NDArrays by parameter name (missing: zero); without momentum there are none."""
        self.momenta = {}
        if self.config.momentum:
            for name, weight in zip(self.parameters, self.weights):
                self.momenta[name] = momenta.get(name, nd.zeros_like(weight)).as_in_context(self.device)

    def step(self, world, images, labels, images_in_step, rate, wishes):
        """One step of all ranks, queued on the device and not waited for.

        `images` (n, 28, 28) uint8 and `labels` (n,) are this rank's share, n may be 0, of `images_in_step` images.
        Returns the report of the step, an NDArray: loss, hits, images and the numbers `wishes`, all summed over the
        ranks. It travels with the gradients, so that every rank reads the same.
        """
        known = [len(images), *wishes]
        if len(images):
            with autograd.record():
                part, own = self.objective(images, labels, nd.array([1 / images_in_step, *known], ctx=self.device))
            part.backward()
        else:
            own = nd.array([0, 0, *known], ctx=self.device)
            for gradient in self.gradients:
                gradient[:] = 0
        world.sum_gradients(self.gradients, own, fp16=self.config.fp16_allreduce)
        self.update(rate)
        return own

    def update(self, rate):
        """Move the weights by the summed gradients.

        Not gluon.Trainer's way: plain arrays need no pickle to be kept, and a rank without images no backward pass.
        """
        momentum, decay = self.config.momentum, self.config.weight_decay
        sgd.step(self.weights, self.gradients, list(self.momenta.values()), rate, momentum, decay)


class Objective(gluon.HybridBlock):
    """What a step computes of a rank's images, as one graph: called piece by piece, small steps are half Python."""

    def __init__(self, net):
        super().__init__()
        self.net, self.cross_entropy = net, gluon.loss.SoftmaxCrossEntropyLoss()

    def hybrid_forward(self, F, images, labels, known):
        """These images' part of the mean loss over all ranks' images (1,), and the rank's report.

        `known` is 1 / the images of all ranks, and the numbers that end the report.
        """
        logits = self.net(normalise(images))
        loss = self.cross_entropy(logits, labels).sum()
        hits = F.broadcast_equal(logits.argmax(axis=1), labels.astype("float32")).sum()
        part = loss * F.slice_axis(known, axis=0, begin=0, end=1)
        report = F.concat(loss, hits, F.slice_axis(known, axis=0, begin=1, end=None), dim=0)
        return part, F.BlockGrad(report)
