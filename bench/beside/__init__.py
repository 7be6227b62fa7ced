"""The product beside nginx with Lua, Node and FastAPI: one machine, one stub of a provider, one load. `python -m bench.beside`."""
