"""The migrations of accounts between providers: the present stages, the guard, and the counts of their sends."""
