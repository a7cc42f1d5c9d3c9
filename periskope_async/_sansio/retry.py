"""Whether a failed attempt is worth another, and after how long. Pure: no clock, no sleep, no network.

A 429 is not a failure but an order to wait: it has no rule here, costs no retry, and its wait is the ledger's.

The retry budget is botocore's: a bucket that retries empty and successes refill, so that an outage is met by hardly
more requests than there are calls, while scattered faults cost nothing.
https://github.com/boto/botocore, `retries/quota.py`
"""

from collections.abc import Mapping
from random import random
from typing import Final

from attrs import define, frozen

from periskope_async._sansio.response import FailedAttempt, FailureKind

#: No wait between attempts is longer than this, unless the service asked for it, seconds.
MAX_BACKOFF: Final = 20.0
#: Even "Retry-After: 0" leaves the service a moment, seconds.
MIN_RETRY_AFTER: Final = 0.05
#: How many requests of a call may fail as the probe of an outage without that they count: enough to outlast the usual
#: deadline, and an end where there is none.
MAX_PROBES: Final = 50
#: What retries may cost together, in the unit of `RULES`: a hundred of the usual kind. A success gives one back,
#: however many requests it took.
RETRY_BUDGET: Final = 500


@frozen
class Rule:
    """How one kind of failure is retried: backoff base in seconds, cost in units of the retry budget, own limit."""

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
        if self.left < RETRY_BUDGET:
            self.left = min(RETRY_BUDGET, self.left + (paid or 1))


def cost(failure: FailedAttempt) -> int:
    """Return what retrying this failure costs of the retry budget."""
    return RULES[failure.kind].cost


def decide_retry(
    failure: FailedAttempt,
    *,
    failures: Mapping[FailureKind, int],
    retries: int,
    idempotent: bool,
    probes: int = 0,
    second_pass: bool = False,
) -> float | None:
    """Return the seconds to wait before another attempt, or None to give up.

    Args:
        failure: how the last attempt failed.
        failures: how many attempts failed in which way, this one included. A 429 counts for none: it is an order to
            wait, whatever the wait costs is the rate limiter's affair.
        retries: how many further attempts the caller allows after the first.
        idempotent: whether the request may be sent again although it may have arrived.
        probes: how many of them were the one request by which bulk runs ask whether an outage is over. The first
            `MAX_PROBES` count for none: they show the service out of order, and nothing of this request.
        second_pass: lift the own limit of a kind (a bulk run's last try for an id).
    """
    attempts = sum(failures.values()) - failures.get(FailureKind.THROTTLED, 0) - min(probes, MAX_PROBES)
    rule = RULES.get(failure.kind)
    if rule is None or attempts > retries or not (idempotent or failure.unsent):
        return None
    of_this_kind = failures[failure.kind]
    if rule.limit is not None and of_this_kind > rule.limit and not second_pass:
        return None
    if failure.retry_after is not None:
        return max(failure.retry_after, MIN_RETRY_AFTER)
    if failure.kind is FailureKind.DROPPED and of_this_kind == 1:
        # The server closed an idle connection just as we took it: nothing is wrong, another one will do.
        return 0.0
    return backoff(max(1, attempts), rule.base)


def backoff(attempt: int, base: float) -> float:
    """Return a full-jitter wait in seconds: anywhere up to *base*, and twice as far for each further attempt.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return random() * min(MAX_BACKOFF, base * 2.0 ** min(attempt - 1, 16))  # noqa: S311  # jitter is not a secret
