import copy
import json
import pickle
import sys
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import ConfigurationError, RedisBudget
from periskope_async._sansio.secret import Secret, conceal
from periskope_async.settings import DEFAULT_BASE_URL, Settings
from tests.support import each_of

#: Python refuses to print an integer as long as this.
ENDLESS = pytest.param(-(10**5000), id="endless")
KEY = 'CANARY-0123456789.abc_"\\&%'
GIVEN: dict[str, Any] = {
    "api_key": KEY,
    "phone": None,
    "base_url": None,
    "timeout": 30.0,
    "deadline": 120.0,
    "retries": 4,
    "concurrency": 32,
}


def settings(**changes: object) -> Settings:
    """Resolve settings that are all right but for *changes*."""
    return Settings.resolve(**{**GIVEN, **changes})


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PERISKOPE_API_KEY", "PERISKOPE_PHONE", "PERISKOPE_BASE_URL", "PERISKOPE_BUDGET"):
        monkeypatch.delenv(name, raising=False)


# -- where settings come from -----------------------------------------------------------------------------------------


def test_environment_fills_in_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Key, phone and URL come from the environment where no argument names them."""
    monkeypatch.setenv("PERISKOPE_API_KEY", " from-env\n")
    monkeypatch.setenv("PERISKOPE_PHONE", "+91 98765-43210")
    monkeypatch.setenv("PERISKOPE_BASE_URL", "https://staging.example/v1/")
    found = settings(api_key=None)
    assert found.api_key.reveal() == "from-env"
    assert found.phone == "919876543210"
    assert found.base_url == "https://staging.example/v1"


def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument wins over its environment variable."""
    monkeypatch.setenv("PERISKOPE_API_KEY", "from-env")
    monkeypatch.setenv("PERISKOPE_PHONE", "111")
    monkeypatch.setenv("PERISKOPE_BASE_URL", "https://env.example")
    found = settings(api_key="given", phone="2220000", base_url="https://given.example")
    assert (found.api_key.reveal(), found.phone, found.base_url) == ("given", "2220000", "https://given.example")


def test_empty_environment_variables_are_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing counts as not set, as in env files with blank lines."""
    monkeypatch.setenv("PERISKOPE_PHONE", "")
    monkeypatch.setenv("PERISKOPE_BASE_URL", "")
    found = settings()
    assert found.phone is None
    assert found.base_url == DEFAULT_BASE_URL


def test_no_key_says_both_ways_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key the error names the argument and the environment variable."""
    monkeypatch.setenv("PERISKOPE_API_KEY", "")
    with pytest.raises(ConfigurationError, match=r"api_key=.*PERISKOPE_API_KEY"):
        settings(api_key=None)


def test_budget_from_argument_environment_or_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes share where they can, unless the environment says otherwise, unless an argument does."""
    assert settings().budget == settings(budget="auto").budget == "auto"
    monkeypatch.setenv("PERISKOPE_BUDGET", "host")
    assert settings().budget == "host"
    assert settings(budget="own").budget == "own"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:1"])
def test_a_service_on_this_machine_is_not_shared_unasked(host: str) -> None:
    """Tests against a fake service leave nothing to each other: processes share its limit only where asked to."""
    assert settings(base_url=f"http://{host}/v1").budget == "own"
    assert settings(base_url=f"http://{host}/v1", budget="host").budget == "host"


# -- what they may be -------------------------------------------------------------------------------------------------


@each_of("key", ["", " ", "two words", "line\nbreak", "nul\0", "ключ", "tab\tbed", "\x7f", 5, b"bytes"])
def test_key_is_one_word_of_ascii(key: object) -> None:
    """A key that could not be a header value is refused, and the refusal does not show it."""
    with pytest.raises(ConfigurationError, match=r"^api_key: ") as caught:
        settings(api_key=key)
    assert str(key).strip() in {"", "5"} or str(key) not in str(caught.value)


@pytest.mark.parametrize(
    ("spelling", "phone"),
    [
        ("+91 98765 43210", "919876543210"),
        ("+1 (555) 010-9999", "15550109999"),
        ("919876543210", "919876543210"),
        ("919876543210@c.us", "919876543210"),
        (" 91.98765.43210 ", "919876543210"),
        ("phone-abc_DEF-123", "phone-abc_DEF-123"),
    ],
)
def test_phone_in_any_usual_spelling(spelling: str, phone: str) -> None:
    """A phone is digits with country code, or an id that stays as it is."""
    assert settings(phone=spelling).phone == phone


@each_of("phone", ["", "+", "phone-", "phone-a b", "98x", "12", "1" * 16, "٩٨", "91@g.us", "1\r\nx: y", 919876543210])
def test_phone_that_is_none_is_refused(phone: object) -> None:
    """What is neither a number nor a phone id is refused, whatever it would do to a header."""
    with pytest.raises(ConfigurationError, match=r"^phone: "):
        settings(phone=phone)


@pytest.mark.parametrize("budget", ["", "HOST", "http://user:CANARY@cache", "CANARY", 5, None])
def test_a_budget_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, budget: object) -> None:
    """Any other budget is refused, and the refusal does not show it: it may be a URL with a password."""
    if budget is None:
        monkeypatch.setenv("PERISKOPE_BUDGET", "https://:CANARY@cache")
    with pytest.raises(ConfigurationError, match=r"^budget: expected 'auto', 'own', 'host' or 'redis://...'") as caught:
        settings(budget=budget)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "budget",
    [
        "redis://",
        "redis://:CANARY@",
        "rediss://CANARY@host:x",
        "redis://ca che/CANARY",
        "valkey://[::1/CANARY",
        "redis:",
    ],
)
def test_a_url_that_is_none_is_refused(budget: str) -> None:
    """A URL without a host, or with a port that is none, is refused and not shown."""
    with pytest.raises(ConfigurationError, match=r"^budget: expected ") as caught:
        settings(budget=budget)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "valkey", "valkeys"])
def test_redis_needs_its_extra(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """Where `redis` is not installed, what to install is said, and the URL is not shown."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"pip install '/path/to/clone\[redis\]'") as caught:
        settings(budget=f"{scheme}://:CANARY@cache:6379/0")
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("client", [None, 5, "redis://:CANARY@cache"])
def test_a_client_that_is_none_is_refused(client: Any) -> None:
    """What is no client of Redis is refused, and not shown."""
    with pytest.raises(ConfigurationError, match=r"^budget: expected a redis.asyncio.Redis, got ") as caught:
        RedisBudget(client)
    assert "CANARY" not in str(caught.value)


@each_of(
    ("spelling", "url"),
    [
        ("https://api.periskope.app/v1", "https://api.periskope.app/v1"),
        (" HTTPS://API.Periskope.App/v1// ", "https://api.periskope.app/v1"),
        ("https://example.com", "https://example.com"),
        ("https://example.com:8443/", "https://example.com:8443"),
        ("https://my_host.example.com./v1", "https://my_host.example.com./v1"),
        ("http://localhost:8080/v1", "http://localhost:8080/v1"),
        ("http://api.localhost/v1", "http://api.localhost/v1"),
        ("http://127.0.0.2/v1", "http://127.0.0.2/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("https://[2001:DB8::1]/v1", "https://[2001:db8::1]/v1"),
    ],
)
def test_base_url_is_normalised(spelling: str, url: str) -> None:
    """A base URL is kept without the slash at its end; plain HTTP may lead to this machine only."""
    assert settings(base_url=spelling).base_url == url


@each_of(
    "url",
    [
        "",
        "api.periskope.app",
        "ftp://example.com",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://user:secret@example.com",
        "https://user@example.com",
        "https://@example.com",
        "https://example.com\\@evil.example",
        "https://example.com\\evil",
        "https://example.com/v1?x=1",
        "https://example.com/v1?",
        "https://example.com/v1#part",
        "https://exa mple.com",
        "https://example.com/\r\nx-evil: 1",
        "https://exämple.com",
        "https://a..b",
        "https://.example.com",
        "https://ex%41mple.com",
        f"https://{'a' * 64}.com",
        f"https://{'.'.join(['a' * 60] * 5)}",
        "https://[::1",
        "https://[zz::1]",
        "https://example.com:port",
        "https://example.com:99999",
        "http://example.com",
        "http://127.0.0.1.nip.io",
        "http://localhost.evil.example",
        "http://[2001:db8::1]",
        "http://169.254.169.254",
        b"https://example.com",
    ],
)
def test_base_url_that_could_mislead_is_refused(url: object) -> None:
    """A base URL that is none, or could carry the key in the clear or elsewhere, is refused before any I/O."""
    with pytest.raises(ConfigurationError, match=r"^base_url: ") as caught:
        settings(base_url=url)
    assert "secret" not in str(caught.value)


@each_of("name", ["timeout", "deadline"])
@each_of("value", [0, -1.5, float("inf"), float("nan"), True, "30", 10**400, ENDLESS])
def test_seconds_are_positive_and_finite(name: str, value: object) -> None:
    """A time that is no time is refused by name, however large the number is."""
    with pytest.raises(ConfigurationError, match=rf"^{name}: "):
        settings(**{name: value})


@each_of(("name", "least"), [("retries", 0), ("concurrency", 1)])
@each_of("value", [-1, 1.0, True, "4", None, ENDLESS])
def test_counts_are_whole_numbers(name: str, least: int, value: object) -> None:
    """A count that is none is refused by name, and the least possible one is taken."""
    with pytest.raises(ConfigurationError, match=rf"^{name}: "):
        settings(**{name: value})
    assert getattr(settings(**{name: least}), name) == least


def test_no_deadline_is_a_choice() -> None:
    """None as deadline means that calls may take as long as they take."""
    assert settings(deadline=None).deadline is None
    assert settings().replace(timeout=1, deadline=None, retries=0).deadline is None


def test_replace_checks_as_resolve_does() -> None:
    """Settings that replace others pass the same checks, and leave the rest alone."""
    changed = settings(phone="1230000").replace(timeout=1, deadline=2, retries=3)
    assert (changed.timeout, changed.deadline, changed.retries, changed.phone) == (1.0, 2.0, 3, "1230000")
    for wrong in ({"timeout": 0}, {"deadline": -1}, {"retries": -1}):
        with pytest.raises(ConfigurationError):
            settings().replace(**{"timeout": 1, "deadline": 1, "retries": 1, **wrong})


def test_settings_do_not_change() -> None:
    """Settings are a value: shared by clones, they cannot be changed under them."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings().retries = 9  # type: ignore[misc]  # the point of the test


# -- the secret -------------------------------------------------------------------------------------------------------


def test_secret_shows_itself_nowhere() -> None:
    """No way of turning a secret or its settings into text tells the value."""
    secret = settings().api_key
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", repr(secret._value), repr(secret._spellings)]
    shown += [repr(secret.reveal("Bearer {}")[:12]), repr(conceal(KEY))]
    shown += [repr(secret.reveal("Bearer {}")), repr(settings()), str(settings()), str(attrs.asdict(settings()))]
    assert not [text for text in shown if "CANARY" in text]
    assert secret.reveal("Bearer {}") == f"Bearer {KEY}"


def test_phone_is_not_shown_either() -> None:
    """A phone number is personal, and stays out of the settings' repr."""
    assert "98765" not in repr(settings(phone="+91 98765 43210"))


def test_secret_does_not_pickle() -> None:
    """A pickled secret would be a key on disk, so pickling says what to do instead."""
    with pytest.raises(TypeError, match="make the client where it is used"):
        pickle.dumps(settings())


def test_secret_copies_as_itself() -> None:
    """Copies of settings share the one secret."""
    secret = Secret(KEY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_secrets_compare_by_value() -> None:
    """Equal keys are one key, so that clients of one key find one limiter."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@given(st.text(), st.text())
def test_scrub_masks_every_spelling(before: str, after: str) -> None:
    """Wherever an answer quotes the key, as it is or as JSON or a URL spells it, stars take its place."""
    secret = Secret(KEY)
    for spelling in (KEY, json.dumps(KEY)[1:-1], quote(KEY, safe="")):
        value = {f"{before}{spelling}": [f"{spelling}{after}", (f"{before}{spelling}{spelling}", 1, None, 2.5)]}
        assert "CANARY" not in str(secret.scrub(value))


def test_scrub_keeps_what_is_no_secret() -> None:
    """Scrubbing leaves everything else as it is, types included."""
    value = {"a": ["b", ("c", 1)], "d": None, "e": 2.5}
    assert Secret(KEY).scrub(value) == value
