"""Training: epochs of steps, what they change, and where that is saved."""
