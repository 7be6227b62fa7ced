"""One module a scenario, or for two that are alike. Each runs one checkout, in bounded time, and cleans up after itself."""
