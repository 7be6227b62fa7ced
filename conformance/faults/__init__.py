"""Wrong servers. Each dialect has one honest server, the simulated provider, and many servers with one fault each.

    fault (data, TOML) ─▶ kind (code, by name) ─▶ wrong server ─▶ a run of the suite ─▶ docs/wrong-servers.md

`python -m conformance.faults` tests all of them in process, and writes the table.
"""
