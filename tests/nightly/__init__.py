"""Fuzzing with an end: each target is a function over bytes, and each input is known again by its seed and number. `make nightly`."""
