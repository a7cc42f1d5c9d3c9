"""Writes the reference from the packages, a page for each resource and each kind of value, whenever Sphinx builds.

What a page says comes from signatures, docstrings, the fields of models and the operations as data. A public name that
stands on no page is a warning, and warnings fail the build.
"""
# ruff: noqa: INP001  # a folder of pages, not a package

import ast
import enum
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

import attrs
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.logging import getLogger

import periskope_async
import periskope_sync
from periskope_async import models
from periskope_async._codec.fields import own_fields, wire_key
from periskope_async._codec.model import Model
from periskope_async._sansio.operation import Operation

HERE: Final = Path(__file__).parent
WRITTEN: Final = HERE / "reference" / "api"

#: Public modules, each on a page of its own.
MODULES: Final = (
    "client",
    "settings",
    "bulk",
    "changes",
    "sending",
    "errors",
    "hooks",
    "records",
    "budgets",
    "web",
    "webhooks",
    "events",
    "testing",
    "integrations.dlt",
)
#: What annotations call by names of the inside.
ALIASES: Final = {
    "Ids": "Iterable[str] | AsyncIterable[str]",
    "Moment": "date | datetime | str",
    "Labels": "str | Iterable[str]",
}
SECTION: Final = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
TICKED: Final = re.compile(r"(?<![`\w])`([^`]+)`(?!`)")

logger: Final = getLogger(__name__)


class Place(NamedTuple):
    """Where a public name is documented, and what it is."""

    name: str
    value: Any


def public() -> dict[str, Any]:
    """Return every public name of `periskope_async`, dotted, with what it is."""
    found = {f"periskope_async.{name}": getattr(periskope_async, name) for name in periskope_async.__all__}
    known = {id(value) for value in found.values()}
    for module in modules():
        for name in module.__all__:
            value = getattr(module, name)
            if id(value) not in known:
                found[f"{module.__name__}.{name}"] = value
    return found


def modules() -> Iterator[ModuleType]:
    """Yield the public modules beside the resources and the models."""
    for name in MODULES:
        yield import_module(f"periskope_async.{name}")


class Writer:
    """Turns names and their docstrings into pages of reStructuredText."""

    def __init__(self) -> None:
        self.names = public()
        self._by_id = {id(value): name for name, value in self.names.items()}
        self._links = {name.rpartition(".")[2]: name for name in self.names}

    # -- text ---------------------------------------------------------------------------------------------------------

    def linked(self, text: str) -> str:
        """Return *text* with what stands in backticks as a link where it is a public name, else as code."""

        def role(match: re.Match[str]) -> str:
            first, dot, rest = match[1].partition(".")
            name = self._links.get(first)
            if name is None or not re.fullmatch(r"\w*", rest) or (rest and not hasattr(self.names[name], rest)):
                return f"``{match[1]}``"
            is_member = dot and isinstance(self.names[name], type) and name in self._classes_with_members
            return f":py:obj:`{match[1]} <{name}{dot + rest if is_member else ''}>`"

        return TICKED.sub(role, text)

    @property
    def _classes_with_members(self) -> set[str]:
        return {name for name, value in self.names.items() if isinstance(value, type) and is_resource(value)}

    def prose(self, value: Any, *, without: str = "") -> list[str]:
        """Return a docstring as reStructuredText, less one of its sections."""
        doc = inspect.getdoc(value) or ""
        lines, section, kept = doc.splitlines(), "", list[str]()
        for line in lines:
            header = SECTION.match(line)
            section = header[1] if header else section
            if without and section == without:
                continue
            if not section and line.startswith("    ") and (not kept or not kept[-1].strip()):
                kept += [".. code-block:: python", ""]
            kept.append(line if line.startswith("    ") and not section else self.linked(line))
        return str(GoogleDocstring("\n".join(kept), Config(napoleon_use_rtype=False))).splitlines()

    # -- names --------------------------------------------------------------------------------------------------------

    def entry(self, name: str, value: Any) -> Iterator[str]:
        """Yield the description of one public name."""
        module, _, short = name.rpartition(".")
        yield from ("", f".. py:currentmodule:: {module}", "")
        if isinstance(value, type):
            yield from self._class(short, value)
        elif isinstance(value, FunctionType):
            yield from self._function("py:function", short, value)
        else:
            yield from (f".. py:data:: {short}", f"   :value: {shown(value)}", "")
            yield from indented(note_above(module, short))

    def _class(self, short: str, cls: type[Any]) -> Iterator[str]:
        if issubclass(cls, enum.Enum):
            yield from (f".. py:class:: {short}", "")
            yield from indented([*self.prose(cls), "", *table(("Value", "Name"), enum_rows(cls))])
            return
        is_value = attrs.has(cls)
        is_made_by_users = not (is_value or issubclass(cls, Exception) or is_resource(cls))
        signature = arguments(vars(cls).get("__init__")) if is_made_by_users else ""
        kind = "py:exception" if issubclass(cls, Exception) else "py:class"
        yield from (f".. {kind}:: {short}{signature}", "")
        yield from indented(self.prose(cls, without="Attributes" if is_value else ""))
        if issubclass(cls, Exception):
            yield from ("", "   :doc:`What it means, and what to do </reference/errors>`.")
        if is_value:
            yield from indented(["", *self._fields(cls)])
        for name, member in members(cls):
            yield ""
            if isinstance(member, property):
                yield from indented([f".. py:property:: {name}", "", *indented(self.prose(member))])
            elif isinstance(member, FunctionType | classmethod | staticmethod):
                yield from indented(list(self._function("py:method", name, getattr(member, "__func__", member), cls)))

    def _function(self, kind: str, name: str, function: Any, cls: type[Any] | None = None) -> Iterator[str]:
        yield f".. {kind}:: {name}{arguments(function)}"
        if inspect.iscoroutinefunction(function):
            yield "   :async:"
        if cls is not None and isinstance(vars(cls).get(name), classmethod):
            yield "   :classmethod:"
        yield ""
        yield from indented(self.prose(function))
        operation = None if cls is None else operation_of(cls, name)
        if operation is not None:
            yield from indented(["", *facts(operation, hasattr(cls, f"{name}_page"))])

    def _fields(self, cls: type[Any]) -> Iterator[str]:
        meaning = attribute_notes(cls)
        is_model = issubclass(cls, Model)
        rows = list[tuple[str, ...]]()
        for field in own_fields(cls) if is_model else attrs.fields(cls):
            if not field.name.startswith("_"):
                said = self.linked(meaning.get(field.name, ""))
                if not said:
                    logger.warning("%s.%s: its docstring does not say what it is", cls.__name__, field.name)
                keys = " or ".join(f"``{key}``" for key in (wire_key(field), *field.metadata.get("other_keys", ())))
                rows.append((f"``{field.name}``", self._type(field.type), *([keys] if is_model else []), said))
        head = ("Field", "Type", "In the API", "Meaning") if is_model else ("Field", "Type", "Meaning")
        if rows:
            yield from table(head, rows)

    def _type(self, annotation: Any) -> str:
        text = type_text(annotation)
        ours = [name for name in re.findall(r"\w+", text) if name in self._links]
        return f":py:obj:`{text} <{self._links[ours[0]]}>`" if ours else f"``{text}``"

    # -- pages --------------------------------------------------------------------------------------------------------

    def pages(self) -> Iterator[tuple[str, str]]:
        """Yield the path of each page below `reference/api`, and what it says."""
        resources = {name: cls for name, cls in self.names.items() if isinstance(cls, type) and is_resource(cls)}
        for name, cls in resources.items():
            attribute = attribute_of(cls)
            yield f"resources/{attribute}", page(f"client.{attribute}", self.entry(name, cls))
        done = set(resources)
        for stem, names in by_module(models).items():
            values = [f"periskope_async.{name}" for name in names]
            done |= set(values)
            body = [line for name in values for line in self.entry(name, self.names[name])]
            yield f"models/{stem}", page(stem.replace("_", " ").capitalize(), body)
        for module in modules():
            owned = [name for name in map(self.name_of, (getattr(module, n) for n in module.__all__)) if name]
            stem = module.__name__.rpartition(".")[2]
            beside = BESIDE.get(stem, ())
            owned += [f"periskope_async.{name}" for name in beside]
            done |= set(owned)
            first = ["", *self.prose(module), ""] if stem in INTRODUCED else []
            body = [line for name in owned for line in self.entry(name, self.names[name])]
            yield stem, page(f"``{module.__name__}``", [*first, *body])
        yield "operations", page("Operations", self._operations(resources))
        yield "blocking", page("``periskope_sync``", self._blocking())
        missing = sorted(set(self.names) - done)
        if missing:
            logger.warning("public names on no page: %s", ", ".join(missing))

    def _operations(self, resources: Mapping[str, type[Any]]) -> Iterator[str]:
        yield from ("", "Every operation of the API that is documented, and the method that asks for it.", "")
        rows = list[tuple[str, ...]]()
        for name, cls in resources.items():
            for method, _ in members(cls):
                operation = operation_of(cls, method)
                if operation is not None:
                    again = "yes" if operation.idempotent else "only if it cannot have arrived"
                    link = f":py:meth:`{attribute_of(cls)}.{method} <{name}.{method}>`"
                    rows.append((link, f"``{operation.method} {operation.path}``", again))
        yield from table(("Method", "Request", "Sent again"), rows)

    def name_of(self, value: Any) -> str | None:
        """Return where a value is documented."""
        return self._by_id.get(id(value))

    def _blocking(self) -> Iterator[str]:
        yield from (
            "",
            "The same names, arguments, results and errors, without ``await``. What differs is how it is written:",
            "",
            *table(("Async", "Blocking"), DIFFERENCES),
            "",
            "Every name of it, with the page that describes it:",
            "",
        )
        rows = list[tuple[str, str]]()
        for name in periskope_sync.__all__:
            twin = f"periskope_async.{name}"
            what = (
                "the same object" if getattr(periskope_sync, name) is self.names[twin] else "the same without ``await``"
            )
            rows.append((f"``{name}``", f":py:obj:`{twin}`: {what}"))
        yield from table(("``periskope_sync``", "as"), rows)


#: Public modules whose docstring is for users.
INTRODUCED: Final = {"events", "hooks", "records", "web", "webhooks"}
#: Names that the top level has from rooms inside, and the page they belong on.
BESIDE: Final[Mapping[str, tuple[str, ...]]] = {"client": ("RateLimit", "Unset")}
DIFFERENCES: Final = [
    ("``async with PeriskopeClient() as client``", "``with PeriskopeClient() as client``"),
    ("``await client.tickets.get(id)``", "``client.tickets.get(id)``"),
    ("``async for row in client.tickets.list()``", "``for row in client.tickets.list()``"),
    ("``async with client.tickets.stream(ids) as results``", "``with client.tickets.stream(ids) as results``"),
    ("``await client.aclose()``", "``client.close()``"),
]


def is_resource(cls: type[Any]) -> bool:
    """Say whether a class is a resource of the client."""
    return cls.__module__.startswith("periskope_async.resources.")


def attribute_of(cls: type[Any]) -> str:
    """Return what the client calls a resource."""
    return cls.__module__.rpartition(".")[2]


def by_module(package: ModuleType) -> dict[str, list[str]]:
    """Return the names of the models by the file that declares them."""
    found = dict[str, list[str]]()
    for name in package.__all__:
        found.setdefault(getattr(package, name).__module__.rpartition(".")[2], []).append(name)
    return dict(sorted(found.items()))


def members(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class, in the order of its source."""
    seen = set[str]()
    for base in cls.__mro__:
        if not base.__module__.startswith("periskope_async") or (base is Model and cls is not Model):
            continue
        for name, member in vars(base).items():
            is_shown = isinstance(member, FunctionType | classmethod | staticmethod | property)
            if is_shown and not name.startswith("_") and name not in seen and inspect.getdoc(member):
                seen.add(name)
                yield name, member


def operation_of(cls: type[Any], method: str) -> "Operation[Any] | None":
    """Return the operation that a method of a resource asks for."""
    if not is_resource(cls):
        return None
    names = {f"{attribute_of(cls)}.{method}", f"{attribute_of(cls)}.{method.removesuffix('_page')}"}
    constants = vars(import_module(cls.__module__)).values()
    return next((each for each in constants if isinstance(each, Operation) and each.name in names), None)


def facts(operation: "Operation[Any]", has_pages: bool) -> Iterator[str]:  # noqa: FBT001  # of a page, not a choice
    """Yield a line of what is known of an operation."""
    again = "may be sent again" if operation.idempotent else "sent again only if it cannot have arrived"
    pages = "; all pages are walked" if has_pages else ""
    yield f"*Request*: ``{operation.method} {operation.path}``; {again}{pages}."


def arguments(function: Any) -> str:
    """Return the arguments and the result of a function as its source has them."""
    function = inspect.unwrap(function) if function else None
    if not isinstance(function, FunctionType):
        return ""
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        raise TypeError(f"{function} is made in another way than by def")
    taken = node.args
    if taken.args and taken.args[0].arg in {"self", "cls"}:
        del taken.args[0]
    text = f"({plain(ast.unparse(taken))})"
    is_init = function.__name__ == "__init__"
    return text if node.returns is None or is_init else f"{text} -> {plain(ast.unparse(node.returns))}"


def plain(annotations: str) -> str:
    """Return annotations without quotation marks around types, and without names of the inside."""
    text = re.sub(r"(:|->) '([^']+)'", r"\1 \2", annotations)
    text = re.sub(r"^'([^']+)'$", r"\1", text)
    for name, meaning in ALIASES.items():
        text = re.sub(rf"(?<![\w.]){name}(?!\w)", meaning, text)
    return text


def type_text(annotation: Any) -> str:
    """Return a type as a reader would write it."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = re.sub(r"Annotated\[(.*?), <.*?>\]", r"\1", text)
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text).replace("NoneType", "None")


def attribute_notes(cls: type[Any]) -> dict[str, str]:
    """Return what a class and those it stands on say of each attribute."""
    notes = dict[str, str]()
    for base in reversed(cls.__mro__):
        _, _, section = (inspect.cleandoc(base.__doc__ or "")).partition("Attributes:\n")
        name = ""
        for line in section.splitlines():
            if match := re.match(r"^ {4}(\w+): (.*)$", line):
                name, notes[match[1]] = match[1], match[2]
            elif line.startswith("        ") and name:
                notes[name] += " " + line.strip()
            elif line and not line.startswith(" "):
                break
    return notes


def note_above(module: str, name: str) -> list[str]:
    """Return the `#:` comment above a constant."""
    source = inspect.getsource(import_module(module))
    match = re.search(rf"((?:^#: .*\n)+)^{name}\b", source, re.MULTILINE)
    return [TICKED.sub(r"``\1``", line.removeprefix("#: ")) for line in match[1].splitlines()] if match else []


def shown(value: Any) -> str:
    """Return a constant on one short line."""
    text = repr(value) if isinstance(value, int | float | str) else type(value).__name__
    return text if len(text) < 60 else f"{text[:59]}…"


def enum_rows(cls: type[enum.Enum]) -> Iterator[tuple[str, str]]:
    """Yield the values of an enumeration."""
    for member in cls:
        yield f"``{member.value!r}``", f"``{cls.__name__}.{member.name}``"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield a table."""
    yield from (".. list-table::", "   :header-rows: 1", "   :class: reference", "")
    for row in (head, *rows):
        for number, cell in enumerate(row):
            yield f"   {'*' if number == 0 else ' '} - {cell}"


def indented(lines: Iterable[str]) -> list[str]:
    """Return lines that belong to the directive above them."""
    return [f"   {line}" if line else "" for line in lines]


def page(title: str, body: Iterable[str]) -> str:
    """Return a page."""
    return "\n".join([title, "=" * len(title), *body, ""])


def write(_app: Sphinx) -> None:
    """Write the pages that have changed, and remove those that nothing stands on any more."""
    written = set[Path]()
    for stem, text in Writer().pages():
        path = WRITTEN / f"{stem}.rst"
        written.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    for path in set(WRITTEN.rglob("*.rst")) - written:
        path.unlink()


def check(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of every public name that the site does not describe."""
    described = set(env.domains.python_domain.objects)
    for name in sorted(set(public()) - described):
        logger.warning("no page describes %s", name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Have the reference written before sources are read, and checked after."""
    app.connect("builder-inited", write)
    app.connect("env-check-consistency", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
