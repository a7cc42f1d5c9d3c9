"""How processes on one key divide a window of its rate limit among them."""

from collections.abc import Collection

__all__ = ["may_take"]


def may_take(limit: int, left: int, taken: int, others: Collection[int]) -> bool:
    """Whether a process may take one more request of a window.

    Each may have an equal share of it; and more than that, of what the others' shares leave.

    Args:
        limit: requests in the window.
        left: how many of them nobody has taken.
        taken: how many this process has.
        others: how many each other process has that wants some.
    """
    share = max(1, limit // (len(others) + 1))
    return taken < share or left > sum(max(0, share - other) for other in others)
