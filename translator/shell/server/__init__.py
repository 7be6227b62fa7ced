"""The HTTP server at the front: bytes become requests, the handler runs the exchange, and answers become bytes."""
