"""For an application that answers callers of its own: what they get to see of an error. Pure."""

from http import HTTPStatus
from math import ceil
from typing import Final

from periskope_async.errors import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceeded,
    NotFoundError,
    PeriskopeError,
    PermissionDeniedError,
    ValidationError,
)

__all__ = ["answer_for"]

#: When to ask again, where the service does not say, seconds.
_LATER: Final = 5.0
#: No caller is sent away for longer, seconds.
_LATEST: Final = 3600.0


def answer_for(error: PeriskopeError) -> tuple[int, str, dict[str, str]]:
    """Return the status, detail and header fields with which to answer a caller whose request met *error*.

        status, detail, headers = answer_for(error)

    404 for what the service does not know, and 400 for an id or a value that it or this package refuses: these are the
    caller's own, and the detail is the error's message. The rest is none of a caller's business, and the detail is the
    phrase of its status: 500 for a key that is refused; 503 with `Retry-After` where the same call may succeed later,
    as after a rate limit or a timeout; 502 otherwise, also for a write that may have taken effect. Write these into
    your log: `str(error)` has no key and no whole phone number in it.
    """
    match error:
        case NotFoundError():
            return HTTPStatus.NOT_FOUND, error.message, {}
        case ConfigurationError() | BadRequestError() | ValidationError():
            return HTTPStatus.BAD_REQUEST, error.message, {}
        case AuthenticationError() | PermissionDeniedError():
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        case _ if error.maybe_sent:  # whoever tries again may do it twice
            status = HTTPStatus.BAD_GATEWAY
        case _ if error.retryable or isinstance(error, ClientClosedError):
            status = HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            status = HTTPStatus.BAD_GATEWAY
    headers = {"Retry-After": str(_wait(error))} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}
    return status, status.phrase, headers


def _wait(error: PeriskopeError) -> int:
    asked = error.retry_after if isinstance(error, ApiError | DeadlineExceeded) else None
    return ceil(_LATER if asked is None else min(asked, _LATEST))
