"""What decides: requests, answers, retries, limits. Pure: no clock, no event loop, no network."""
