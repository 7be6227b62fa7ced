"""Benchmarks: each figure is a ratio against a peer measured in the same run, never a time on its own."""
