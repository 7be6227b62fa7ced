"""What goes on beside the requests: the journal of sends, reconciliation, status polling, and callbacks."""
