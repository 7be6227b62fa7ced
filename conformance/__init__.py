"""The conformance suite and its simulated providers: cases and laws, written from the API documents alone."""
