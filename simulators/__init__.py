"""Two honest platform simulators: not for production, not copies of the bridge."""
