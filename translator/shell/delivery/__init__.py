"""Delivery, the work that outlives a request: the send journal, reconciliation, status polling, and callbacks."""
