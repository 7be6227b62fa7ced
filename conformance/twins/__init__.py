"""Simulated providers, written from the providers' documents alone.

A simulated provider shares no code and no table with the translator, so that an error there cannot be repeated here. Each is an ASGI
application, and takes its clock as an argument. `python -m conformance.twins DIALECT` runs one on a loopback port.
"""
