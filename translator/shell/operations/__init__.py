"""Commands of operators: the store's rows, the probe, `check`, `explain`, and the sandbox."""
