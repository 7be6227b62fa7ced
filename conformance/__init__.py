"""The judge: simulated providers, cases and laws, written from the API documents alone."""
