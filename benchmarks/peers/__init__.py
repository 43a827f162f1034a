"""The bridge and the simulators beside the SOAP servers that people would otherwise put in their place: same messages, one core each.

`python -m benchmarks peers` starts one server after the other on the first core, sends each the same hand-overs from the second,
and prints requests a second, the server's processor time for one, and both beside the plain spyne stub. A peer that is not on this
machine is named and left out.
"""

from benchmarks.peers.compare import main

__all__ = ["main"]
