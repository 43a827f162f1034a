"""The durable bridge between a grid platform and a digital urban-management platform."""
