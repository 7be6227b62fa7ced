"""The product under real traffic, from outside: a real process of it between a simulated provider, simulated receivers and a load.

Nothing here imports the product. `python -m bench.traffic --help` says how it is run.
"""
