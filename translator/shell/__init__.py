"""The shell: everything that touches the world. It drives the core, and decides nothing about SMS.

app       ASGI in, drives the exchange, ASGI out          admin     health and metrics, on a port of their own
upstream  the one seam to a back                          log       events with fields, to stderr
settings  the configuration file, as closed types         assembly  what the settings mean: accounts, backs, limits
serve     sockets and signals                             sandbox   a whole world on loopback
"""
