"""One file for each step; the newest is the one that no other names as the step before."""
