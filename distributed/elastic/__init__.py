"""Elastic training: a job whose processes come and go. An agent in each slot starts a process for each world."""
