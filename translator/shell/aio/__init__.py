"""What the server and the clients share: timers, clocks, write batching, body chunks, and the memory budget."""
