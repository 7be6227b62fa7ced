"""Reports from the tables, outside the request path: the explanation of one request, and the compatibility of two dialects."""
