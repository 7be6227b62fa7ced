"""Measured attacks of one client, one account or one provider on all others. See docs/traffic.md."""
