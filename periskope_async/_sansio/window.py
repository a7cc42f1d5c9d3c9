"""One window of a rate limit, counted from our side."""

from attrs import define

__all__ = ["Window"]


@define
class Window:
    """One window of the service's limit, counted from our side."""

    limit: int
    #: Ours in this window; what is in flight when it opens counts here too, as it may.
    sent: int
    closes_at: float
    #: It cannot end earlier than this.
    open_until: float
    #: Its name, where the service gives its end as an absolute time.
    reset: float | None
    #: What other clients on this key have used, as far as Remaining shows.
    others: int = 0
    answered: int = 1
    #: When the request that opened it was sent, if it was ours.
    since: float | None = None

    def left(self) -> int:
        """Return how many requests may still be sent in it."""
        return self.limit - self.sent - self.others
