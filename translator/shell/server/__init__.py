"""The HTTP server of the front: it parses requests, the handler runs the exchange, and it writes responses."""
