"""What is computed from the tables beside the request path: the explanation of one request, and the compatibility of two dialects."""
