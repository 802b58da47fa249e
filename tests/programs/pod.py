"""A pod of an Indexed Job as a process of this machine: COMMAND.

TEST_CONSTANTS, a JSON object, gives constants of distributed.pods.agent another value. With TEST_SILENT the pod
reports nothing once its command runs, as where the network is cut.
"""

import json
import os
import sys
from typing import Any

from distributed.pods import agent

report = agent.Agent._report


def report_only_waiting(pod: agent.Agent, token: str, state: str) -> tuple[Any, dict[str, Any]]:
    return report(pod, token, state) if state == agent.WAITING else (None, {})


constants = {"REPORT_SECONDS": 0.05, **json.loads(os.environ.get("TEST_CONSTANTS", "{}"))}
for name, value in constants.items():
    setattr(agent, name, value)
if "TEST_SILENT" in os.environ:
    agent.Agent._report = report_only_waiting
sys.exit(agent.main(sys.argv[1:]))
