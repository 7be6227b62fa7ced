"""The HTTP client to providers: one request as a value in, one answer or failure as a value out."""
