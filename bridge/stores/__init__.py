"""Where the bridge keeps what must survive it; every store fulfils `bridge.core.ports`."""
