"""Wire formats: forms, JSON and XML. Each knows bytes and text, and nothing of any dialect."""
