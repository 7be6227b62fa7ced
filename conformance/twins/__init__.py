"""Twins: simulated SMS services, written from the providers' documents alone.

A twin shares no code and no table with the translator, so that an error there cannot be repeated here. Each is an ASGI
application with a clock that is handed in; `python -m conformance.twins DIALECT` puts one on a loopback port.
"""
