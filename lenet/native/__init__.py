"""LeNet-5 on a CPU in C++: gradients, updates and logits with the same bits on every processor."""
