"""The network and the files that hold its parameters."""
