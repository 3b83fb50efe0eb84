"""A Hub to test against: the real one's HTTP interface, spoken to by the unmodified clients, with faults on demand.

Guarantees: commits are atomic, a `parentCommit` is checked in the same step, heads never go back by themselves, and a
journal on disk survives `kill -9`. Each route answers as the client's source and the project's platform notes say the
real Hub does. It shows that our programs keep to the client's contract, not that the real Hub behaves the same.

    with hub_server() as hub:                      # in a thread; hub_process() for a process of its own
        api = HfApi(endpoint=hub.url, token=hub.token)
        hub.faults.add(Fault(route="commit", status=503, after=True))
        ...
        assert hub.requests.count("tree") == 1
"""

from .gate import Fault, Logged
from .running import CAUSAL, CHAT, Hub, HubProcess, hub_process, hub_server

__all__ = ["CAUSAL", "CHAT", "Fault", "Hub", "HubProcess", "Logged", "hub_process", "hub_server"]
