"""One fault, one file. Each announces itself when it is imported; see `conformance.scenario.faults.fault`."""
