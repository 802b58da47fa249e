"""Elastic training: a job that goes on with other processes. The agent of each slot starts a process for each world."""

import os

RUN_AGAIN = os.EX_TEMPFAIL  # the exit code by which a process asks its agent for another one in the next world
