"""The HTTP client to providers: it takes a request as a value and returns a response or a failure as a value."""
