"""Each setting for `periskope doctor`: where it comes from, and whether it is good, whatever the others are. Pure."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from attrs import field, frozen

from periskope_async._sansio.arguments import as_count, as_seconds
from periskope_async._sansio.ids import as_phone
from periskope_async._sansio.proxy import environment_proxy, parse_proxy
from periskope_async._sansio.secret import conceal
from periskope_async.budgets import RedisBudget
from periskope_async.cli.doctor import Finding, Status
from periskope_async.cli.outcome import Exit
from periskope_async.errors import ConfigurationError, mask_numbers
from periskope_async.settings import DEFAULT_BASE_URL, check_base_url, check_budget, check_key, check_ssl

__all__ = ["Setting", "authorities", "judge_setting", "read_settings"]

#: Characters. A shorter key is masked whole.
_LONG_KEY: Final = 16
#: Without these good, nothing can be asked of the service, or not where and how it should be.
_NEEDED: Final = frozenset({"api_key", "base_url", "proxy", "ca_bundle"})


@frozen
class Setting:
    """One setting.

    Attributes:
        name: as the client calls it.
        source: the option, the environment variable, or "default".
        shown: its value, without what is private.
        value: as the client takes it.
        problem: why it cannot be used; it shows no value.
    """

    name: str
    source: str
    shown: str
    value: Any = field(default=None, repr=False)
    problem: str = ""

    @property
    def blocks(self) -> bool:
        """Whether nothing can be asked of the service for it."""
        return bool(self.problem) and self.name in _NEEDED


def read_settings(options: Mapping[str, tuple[Any, str]], environment: Mapping[str, str]) -> Sequence[Setting]:
    """Return every setting there is.

    Args:
        options: of the command: `api_key`, `phone`, `base_url`, `timeout`, `retries`; the value of each, None where
            unset, and where it is from.
        environment: the variables that no option stands for.
    """
    base_url = _read("base_url", *options["base_url"], DEFAULT_BASE_URL, check_base_url, str)
    service, bundle = base_url.value or DEFAULT_BASE_URL, "PERISKOPE_CA_BUNDLE"
    return [
        _read("api_key", conceal(options["api_key"][0]), options["api_key"][1], None, check_key, _masked),
        _read("phone", *options["phone"], None, lambda value: as_phone("phone", value), mask_numbers),
        base_url,
        _read("timeout", *options["timeout"], 30.0, lambda value: as_seconds("timeout", value), "{:g} s".format),
        _read("retries", *options["retries"], 4, lambda value: as_count("retries", value, least=0), str),
        _of_environment(
            "budget", "PERISKOPE_BUDGET", environment, "auto", partial(check_budget, base_url=service), _shown_budget
        ),
        _proxy(service, environment),
        _read("ca_bundle", environment.get(bundle) or None, bundle, None, _bundle, str),
        _of_environment("log", "PERISKOPE_LOG", environment, None, _level, str),
    ]


def judge_setting(setting: Setting) -> Finding:
    """Say where a setting comes from, and whether it can be used."""
    check, data = (
        f"settings.{setting.name}",
        {"value": None if setting.value is None else setting.shown, "source": setting.source},
    )
    if not setting.problem:
        return Finding(check, Status.OK, f"{setting.shown} ({setting.source})", data=data)
    hint = f"Set it right, or unset it: {setting.source}."
    if setting.source == "default":
        hint = "Set PERISKOPE_API_KEY, or pass --api-key (console: Settings > Integrations > API)."
    code = Exit.USAGE if setting.blocks else Exit.SOME_FAILED  # with the others, the service was asked all the same
    return Finding(check, Status.FAILED, f"{setting.problem} ({setting.source})", hint, data, code)


def _read(
    name: str,
    value: Any,
    source: str,
    default: Any,
    check: Callable[[Any], Any],
    show: Callable[[Any], str],
) -> Setting:
    """Check a value, or its default. Of the key, which has none, that finds it missing."""
    if value is None:
        value, source = default, "default"
        if value is None and name != "api_key":
            return Setting(name, source, "none")
    try:
        checked = check(value)
    except ConfigurationError as error:
        return Setting(name, source, "", problem=error.message)
    return Setting(name, source, show(checked), checked)


def _of_environment(
    name: str,
    variable: str,
    environment: Mapping[str, str],
    default: Any,
    check: Callable[[Any], Any],
    show: Callable[[Any], str],
) -> Setting:
    return _read(name, conceal(environment.get(variable) or None), variable, default, check, show)


def _proxy(base_url: str, environment: Mapping[str, str]) -> Setting:
    found = environment_proxy(base_url, environment)
    if found is not None:
        name, url = found
        return _read("proxy", url, name, None, lambda value: parse_proxy(name, value), lambda proxy: str(proxy.url))
    variable = next((name for name in ("https_proxy", "HTTPS_PROXY") if environment.get(name)), None)
    if variable is None:
        return Setting("proxy", "default", "none")
    why = "NO_PROXY names the host" if base_url.startswith("https://") else "it is for https alone"
    return Setting("proxy", variable, f"none: {why}")


def _bundle(path: str) -> str:
    check_ssl("PERISKOPE_CA_BUNDLE", path)
    return path


def _level(value: str) -> str:
    if value.strip().lower() not in {"info", "debug"}:
        raise ConfigurationError("PERISKOPE_LOG: expected info or debug")
    return value.strip().lower()


def _masked(key: Any) -> str:
    text = str(key.reveal())
    return f"***{text[-4:]}" if len(text) >= _LONG_KEY else "***"


def _shown_budget(budget: Any) -> str:
    return budget.shown if isinstance(budget, RedisBudget) else str(budget)


def authorities(bundle: Setting, environment: Mapping[str, str]) -> str:
    """Return whose certificates are trusted, in words."""
    if bundle.value is not None:
        return f"{bundle.value} (PERISKOPE_CA_BUNDLE)"
    paths = ssl.get_default_verify_paths()
    for variable, path in ((paths.openssl_cafile_env, paths.cafile), (paths.openssl_capath_env, paths.capath)):
        if environment.get(variable):
            return f"{path} ({variable})"
    return f"{paths.cafile or paths.capath or paths.openssl_cafile} (the system's)"
