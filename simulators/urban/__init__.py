"""The urban-management platform (数字城管平台), simulated: a pure machine and its shells."""
