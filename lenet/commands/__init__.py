"""The commands of python -m lenet."""
