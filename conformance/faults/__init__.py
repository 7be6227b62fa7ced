"""Wrong servers: one honest server per dialect, the simulated provider, and many that have one fault each.

    fault (data, TOML) ─▶ kind (code, by name) ─▶ wrong server ─▶ the judge ─▶ docs/wrong-servers.md

`python -m conformance.faults` judges them all, in process, and writes the table.
"""
