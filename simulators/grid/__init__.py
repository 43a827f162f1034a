"""The grid platform (社管平台) as an honest simulator: a pure machine, and shells around it."""
