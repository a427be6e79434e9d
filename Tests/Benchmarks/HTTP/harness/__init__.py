"""The HTTP benchmarks: peers, load, and what is read from the kernel about both."""
