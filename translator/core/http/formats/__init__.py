"""Wire formats: forms, JSON and XML. Each handles bytes and text, and knows no dialect."""
