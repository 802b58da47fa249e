"""Elastic jobs, whose number of processes changes: the agent of each slot starts a process for each world."""
