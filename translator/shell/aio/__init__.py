"""Shared by the server and the clients: timers, clocks, write batching, body chunks, and the memory budget."""
