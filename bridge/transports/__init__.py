"""How the bridge meets the world: SOAP endpoint and client, the clock, and the control port."""
