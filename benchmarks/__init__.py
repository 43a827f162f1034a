"""What the product costs, measured on the machine at hand. Each file answers one question; docs/performance.md has the figures."""
