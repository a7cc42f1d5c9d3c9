import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import errors
from periskope_async._sansio.classify import classify, malformed
from periskope_async._sansio.redact import redact
from periskope_async._sansio.response import FailureKind
from periskope_async._sansio.secret import Secret
from periskope_async.errors import ApiError, DecodeError
from tests.sansio.answers import HTML, answer, error_of, failure
from tests.support import any_text, cases, each_of, many

# -- statuses ---------------------------------------------------------------------------------------------------------

ENVELOPE = {"code": "SOME_ERROR", "message": "Something happened", "status": 500}

STATUSES: dict[FailureKind, dict[type[ApiError], list[int]]] = {
    FailureKind.FINAL: {
        errors.BadRequestError: [400],
        errors.AuthenticationError: [401],
        errors.PermissionDeniedError: [403],
        errors.NotFoundError: [404],
        errors.ValidationError: [422],
        errors.UnexpectedResponseError: [
            101,
            206,
            300,
            301,
            302,
            303,
            304,
            307,
            308,
            402,
            405,
            409,
            410,
            999,
        ],
    },
    FailureKind.PASSING: {
        errors.UnexpectedResponseError: [408, 425],
        errors.ServerError: [500, 501, 502, 503, 504, 505, 520, 521, 522, 523, 524, 599],
    },
    FailureKind.THROTTLED: {errors.RateLimitError: [429]},
}


@each_of(
    ("status", "cls", "kind"),
    [(status, cls, kind) for kind, by_class in STATUSES.items() for cls, all_ in by_class.items() for status in all_],
)
@each_of("body", [ENVELOPE, HTML, b""])
def test_status_decides(status: int, cls: type[ApiError], kind: FailureKind, body: object) -> None:
    """Class and treatment of an error are decided by the status, whatever the body is; but for the class of a 404."""
    found = failure(status, body, content_type="text/html")
    if status == 404 and body is not ENVELOPE:
        cls = errors.UnexpectedResponseError
    assert type(found.error) is cls
    assert found.kind is kind
    assert isinstance(found.error, ApiError)
    assert found.error.status == status
    assert not found.unsent


@each_of("status", [status for status in range(200, 300) if status != 206])
@each_of("body", [ENVELOPE, HTML, b""])
def test_success_is_no_failure(status: int, body: object) -> None:
    """Any 2xx but half of an answer is a success; what has to be in its body is for the operation to say."""
    assert classify(answer(status, body)) is None


json_values = any_text | st.sampled_from([None, 0, 5.5, True, [], {}, ["x"], {"a": {"b": []}}])
envelopes = st.fixed_dictionaries({"code": json_values, "message": json_values, "fields": json_values})


@pytest.mark.slow
@cases(2_000)
@given(many(st.tuples(st.integers(100, 999), st.binary() | json_values | envelopes, any_text)))
def test_judgement_is_total(seen: list[tuple[int, object, str]]) -> None:
    """No status, body or header makes judging fail, and every error can be printed."""
    for status, body, header in seen:
        names = ("content_type", "location", "retry_after", "date", "x_periskope_trace_id")
        found = classify(answer(status, body, **dict.fromkeys(names, header)))
        if found is not None:
            redact(found.error, Secret("CANARY").scrub)
            assert str(found.error).isprintable()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (HTML, "the answer is an HTML page"),
        (b"", "the answer has no body"),
        ({"detail": "Not Found"}, "the answer gives no reason"),
        ({"message": "no Route matched"}, "no Route matched"),
        (["x"], "the answer gives no reason"),
    ],
)
def test_only_the_services_own_404_is_not_found(body: object, says: str) -> None:
    """A 404 of something else is no news of a ticket: it is unexpected, and names the path and the base URL."""
    error = error_of(404, body)
    assert type(error) is errors.UnexpectedResponseError
    assert error.message.startswith(says)
    assert "the service has no such path, or the base URL is wrong or lacks its /v1" in str(error)


@pytest.mark.parametrize("body", [{"code": "NOT_FOUND_ERROR", "message": "x"}, {"name": "Not found"}])
def test_the_services_own_404(body: object) -> None:
    """A 404 with the service's code or name is its own."""
    assert type(error_of(404, body)) is errors.NotFoundError


# -- what an error tells ----------------------------------------------------------------------------------------------


def test_error_carries_what_the_service_told() -> None:
    """Code, name, message, fields, trace id and the start of the body are the service's own."""
    fields = {"body.chat_id": {"message": "required"}}
    told = {"code": "VALIDATION_ERROR", "name": "Validation Error", "message": "failed", "fields": fields}
    error = error_of(422, told, x_periskope_trace_id="trace-7")
    assert (error.code, error.name, error.message) == ("VALIDATION_ERROR", "Validation Error", "failed")
    assert error.fields == fields
    assert error.trace_id == "trace-7"
    assert error.body.startswith('{"code": "VALIDATION_ERROR"')


@each_of(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"{",
        b"\xff\xfe",
        b'{"code": 5, "name": [], "message": {"a": 1}, "fields": "none"}',
        b'{"message": ""}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"9" * 5_000,
    ],
)
def test_error_assumes_no_key_of_the_body(body: bytes) -> None:
    """A body that is not the vendor's envelope, in whole or in part, leaves attributes empty and the message clear."""
    error = error_of(500, body)
    assert (error.code, error.name, error.fields) == (None, None, {})
    assert error.message in {"the answer gives no reason", "the answer has no body"}


@each_of(
    ("status", "body", "headers", "told"),
    [
        (500, b"", {}, "the answer has no body"),
        (500, b" \n", {}, "the answer has no body"),
        (500, b"oops", {}, "the answer gives no reason"),
        (502, HTML, {"content_type": "text/html"}, "the answer is an HTML page, so something in front"),
        (502, b"\n<!DOCTYPE html>", {}, "the answer is an HTML page"),
        (429, HTML, {}, "a proxy or firewall seems to refuse us: the answer is an HTML page"),
        (403, HTML, {}, "a proxy or firewall seems to refuse us"),
        (302, b"", {"location": "https://user:pw@evil.example:8443/x?y#z"}, r"not followed \(to evil.example:8443\)"),
        (307, b"", {"location": "//evil.example/x"}, r"not followed \(to evil.example\)"),
        (301, b"", {"location": "/elsewhere"}, "to the same host"),
        (301, b"", {"location": "file:///etc/passwd"}, "to the same host"),
        (304, b"", {}, "the answer has no body"),
        (206, b'{"ticket":{"ticket_id":"BK', {}, "206 Partial Content, which was not asked for: .* half"),
        (206, b"", {}, "206 Partial Content, which was not asked for"),
    ],
)
def test_message_where_the_service_tells_none(status: int, body: bytes, headers: dict[str, str], told: str) -> None:
    """Without a message of the service's, the error says what kind of answer it was; a redirect names only its host."""
    with pytest.raises(ApiError, match=told) as caught:
        raise error_of(status, body, **headers)
    assert "pw" not in str(caught.value)


def test_plan_gate_is_explained() -> None:
    """A 401 for want of a plan says that the key is not the problem; any other 401 names what to check."""
    limiter = {"code": "UNAUTHORIZED_ERROR", "message": "APIs available only for active pro and enterprise plans."}
    assert "the key is not bad" in str(error_of(401, limiter))
    for message in ("Invalid bearer auth token", "no explanation", "planet"):
        text = str(error_of(401, {"message": message}))
        assert "the key is not bad" not in text
        assert "; check PERISKOPE_API_KEY, or the key passed instead; `periskope doctor` shows" in text
    assert "the key is not bad" not in str(error_of(403, limiter))


@each_of("depth", [10, 100, 450, 900, 3_000])
@each_of(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_errors_do_not_nest_without_end(depth: int, opening: str, closing: str) -> None:
    """However deep an error body nests, its error can be made, printed, copied and sent."""
    body = f'{{"message": "m", "fields": {{"f": {opening * depth}1{closing * depth}}}}}'
    error = error_of(422, body.encode())
    assert (error.message, bool(error.fields)) in {("m", depth == 10), ("the answer gives no reason", False)}
    assert str(copy.deepcopy(error)) == str(pickle.loads(pickle.dumps(error)))  # noqa: S301  # our own bytes
    assert repr(vars(error))


# -- bodies that cannot be the result ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (b"", "application/json", "expected JSON, got an empty body"),
        (b" \r\n", "application/json", "an empty body"),
        (HTML, "text/html", "got a body of text/html"),
        (b"oops", None, "got a body of no content type"),
    ],
)
def test_body_that_does_not_even_claim_to_be_json(body: bytes, content_type: str | None, told: str) -> None:
    """An empty body, a page or anything that is not called JSON is an unexpected response, which names its type."""
    headers = {} if content_type is None else {"content_type": content_type}
    found = malformed(answer(200, body, **headers), "JSON", DecodeError("not JSON"))
    assert found.kind is FailureKind.MALFORMED
    assert type(found.error) is errors.UnexpectedResponseError
    assert told in found.error.message
    assert found.error.status == 200
    assert found.error.body == body.decode()


def test_body_that_claims_to_be_json() -> None:
    """A body that is called JSON and is none is a decode error, which knows the answer's trace id."""
    headers = {"content_type": "Application/JSON; charset=utf-8", "x_periskope_trace_id": "trace-7"}
    error = DecodeError("the body is not JSON")
    found = malformed(answer(200, b"{", **headers), "JSON", error)
    assert (found.kind, found.error, error.trace_id) == (FailureKind.MALFORMED, error, "trace-7")
