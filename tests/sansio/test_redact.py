import pytest

from periskope_async import errors
from periskope_async._sansio.redact import redact
from periskope_async._sansio.secret import Secret
from periskope_async.errors import ApiError, DecodeError
from tests.sansio.answers import error_of, failure


@pytest.mark.parametrize("offset", [0, 150, 190, 199, 200, 990, 60_000])
def test_no_half_key_in_an_excerpt(offset: int) -> None:
    """A key that the service repeats is masked whole, also where the excerpt of the body or message would cut it."""
    key = "sk-" + "0123456789abcdef" * 64
    body = {"message": "x" * offset + key, "code": key, "name": key, "fields": {key: [key]}}
    error = failure(400, body, x_periskope_trace_id=key, location=f"https://{key}/").error
    assert isinstance(error, ApiError)
    redact(error, Secret(key).scrub)
    assert "0123456789" not in f"{vars(error)}{error}{error.args}"
    assert len(error.body) <= 200


def test_problems_are_masked_too() -> None:
    """What a decode error tells goes through the same hands."""
    error = DecodeError("no CANARY")
    error.problems = ("expected str @ $.CANARY",)
    redact(error, Secret("CANARY").scrub)
    assert (error.message, error.problems) == ("no ***", ("expected str @ $.***",))


def test_a_short_key_does_not_harm_the_error() -> None:
    """Masking touches what an error tells, never the names of its attributes."""
    error = failure(409, {"message": "status of code"}).error
    redact(error, Secret("s").scrub)
    assert vars(error).keys() == vars(errors.NotFoundError()).keys()
    assert str(error) == "[409] ***tatu*** of code"


def test_messages_are_one_printable_line() -> None:
    """What the service tells cannot forge log lines, move a terminal's cursor or break an output's encoding."""
    hostile = "a\r\nERROR forged\x1b[2J\u202e\ud800 b"
    error = error_of(400, {"message": hostile, "code": hostile, "name": hostile}, x_periskope_trace_id=hostile)
    for text in (str(error), error.message, error.trace_id, error.code, error.name):
        assert text is not None
        assert text.isprintable()
        assert "a ERROR forged [2J b" in text


def test_messages_are_bounded() -> None:
    """An error stays small, however large the answer was, so that ten thousand of them can be kept."""
    for size in (10_000, 10_000_000):
        error = error_of(400, {"message": "m" * size, "fields": {"f": "v" * size}})
        assert len(str(error)) < 1_350
        assert len(str(vars(error))) < 70_000
