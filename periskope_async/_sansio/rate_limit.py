"""The rate limit as callers see it."""

from attrs import frozen

__all__ = ["RateLimit"]


@frozen
class RateLimit:
    """The rate limit as the service last reported it.

    Attributes:
        limit: requests allowed in one window.
        remaining: requests left in the current window, with ours in flight counted as used.
        resets_in: seconds until the window ends, at most.
    """

    limit: int
    remaining: int
    resets_in: float
