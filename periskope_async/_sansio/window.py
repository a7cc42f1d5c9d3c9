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

    def hear(self, used: int, open_until: float, closes_at: float) -> None:
        """Note an answer in it: how many requests it has served, and the times that this says of it."""
        self.answered += 1
        if closes_at < self.closes_at:  # noqa: PLR1730  # of every answer: `min` and `max` take five times as long
            self.closes_at = closes_at
        if open_until > self.open_until:  # noqa: PLR1730  # likewise
            self.open_until = open_until
        if used - self.sent > self.others:  # noqa: PLR1730  # likewise
            self.others = used - self.sent

    def left(self) -> int:
        """Return how many requests may still be sent in it."""
        return self.limit - self.sent - self.others
