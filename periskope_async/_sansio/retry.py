"""Whether a failed attempt is worth another, and after how long. Pure: no clock, no sleep, no network.

A 429 is no failure but an order to wait: it has no rule here, costs no retry, and its wait is the limiter's (`_pacing`).

The quota is botocore's: a bucket that retries empty and successes refill, so that an outage is met by hardly more
requests than there are calls, while scattered faults cost nothing. https://github.com/boto/botocore, `retries/quota.py`
"""

from random import random
from typing import Final

from attrs import define, frozen

from periskope_async._sansio.response import FailedAttempt, FailureKind

#: No wait between attempts is longer than this, unless the service asked for it, seconds.
MAX_BACKOFF: Final = 20.0
#: Even "Retry-After: 0" leaves the service a moment, seconds.
MIN_RETRY_AFTER: Final = 0.05
RETRY_BUDGET: Final = 500


@frozen
class Rule:
    """How one kind of failure is retried: backoff base in seconds, price in quota, and an own limit of retries."""

    base: float
    cost: int
    limit: int | None = None


RULES: Final = {
    FailureKind.PASSING: Rule(base=0.2, cost=5),
    FailureKind.DROPPED: Rule(base=0.2, cost=5),
    FailureKind.SLOW: Rule(base=0.2, cost=10),
    FailureKind.UNRESOLVED: Rule(base=0.5, cost=5, limit=2),
    # Half a page may have been written while we read; twice the same is the service's answer.
    FailureKind.MALFORMED: Rule(base=0.2, cost=5, limit=1),
}


@define
class RetryBudget:
    """What retries may still cost. Shared by all calls on one key."""

    left: int = RETRY_BUDGET

    def take(self, cost: int) -> bool:
        """Pay for a retry if there is enough left."""
        if self.left < cost:
            return False
        self.left -= cost
        return True

    def succeed(self, paid: int) -> None:
        """Give back what the last retry of a successful call cost, or one for a call that needed none."""
        self.left = min(RETRY_BUDGET, self.left + (paid or 1))


def cost(failure: FailedAttempt) -> int:
    """Return what retrying this failure costs of the quota."""
    return RULES[failure.kind].cost


def wait_before_retry(
    failure: FailedAttempt, *, attempt: int, same_kind: int, retries: int, second_pass: bool = False
) -> float | None:
    """Return the seconds to wait before another attempt, or None to give up.

    Args:
        failure: what the attempt gave.
        attempt: how many attempts were made, this one included, but none that met a 429.
        same_kind: how many of them failed in this way.
        retries: how many further attempts the caller allows after the first.
        second_pass: lift the own limit of a kind (the second pass of a bulk run).
    """
    rule = RULES.get(failure.kind)
    if rule is None or attempt > retries:
        return None
    if rule.limit is not None and same_kind > rule.limit and not second_pass:
        return None
    if failure.retry_after is not None:
        return max(failure.retry_after, MIN_RETRY_AFTER)
    if failure.kind is FailureKind.DROPPED and same_kind == 1:
        # The server closed an idle connection just as we took it: nothing is wrong, another one will do.
        return 0.0
    return backoff(attempt, rule.base)


def backoff(attempt: int, base: float) -> float:
    """Return a full-jitter wait in seconds: anywhere up to *base*, and twice as far for each further attempt.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return random() * min(MAX_BACKOFF, base * 2.0 ** min(attempt - 1, 16))  # noqa: S311  # jitter is no secret
