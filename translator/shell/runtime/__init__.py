"""Running the core: the effect runner, and the cache with single flight."""
