"""What a run leaves: checkpoints, metrics, a progress bar."""
