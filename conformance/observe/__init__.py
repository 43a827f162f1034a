"""Watching the wire: what an envelope says, read without the bridge's codec."""
