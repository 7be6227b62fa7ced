"""The attacks of one caller, one account or one provider on all others, measured. See docs/traffic.md."""
