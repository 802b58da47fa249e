"""LeNet-5 on Fashion-MNIST in MXNet Gluon: what one process does. Nothing in here knows of Horovod."""
