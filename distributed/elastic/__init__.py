"""Elastic training: a job that goes on with other processes."""
