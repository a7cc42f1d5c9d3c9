"""Records as tables of the data libraries, which are imported on use: each column has the type of its kind."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from periskope_async._codec.columns import ColumnKind

__all__ = ["arrow_schema", "to_arrow", "to_pandas", "to_polars"]

Records = Sequence[Mapping[str, Any]]
Kinds = Mapping[str, ColumnKind]


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # it is installed, and broken: its own words say more
            raise
        raise ModuleNotFoundError(f"{name} is not installed, which this needs: pip install {name}", name=name) from None


def arrow_schema(kinds: Kinds) -> Any:
    """Return the `pyarrow.Schema` of some columns.

    Raises:
        ImportError: pyarrow is not installed.
    """
    pa: Any = _library("pyarrow")  # it brings no types along
    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "labels": pa.list_(pa.string()),
        "json": pa.string(),
    }
    return pa.schema([(name, types[kind]) for name, kind in kinds.items()])


def to_arrow(records: Records, kinds: Kinds) -> Any:
    """Return a `pyarrow.Table`."""
    schema = arrow_schema(kinds)
    return _library("pyarrow").Table.from_pylist(list(records), schema=schema)


def to_polars(records: Records, kinds: Kinds) -> Any:
    """Return a `polars.DataFrame`."""
    pl: Any = _library("polars")
    types = {
        "text": pl.String,
        "integer": pl.Int64,
        "number": pl.Float64,
        "boolean": pl.Boolean,
        "timestamp": pl.Datetime("us", "UTC"),
        "labels": pl.List(pl.String),
        "json": pl.String,
    }
    columns = {name: _column(records, name, kind) for name, kind in kinds.items()}
    return pl.DataFrame(columns, schema={name: types[kind] for name, kind in kinds.items()})


def to_pandas(records: Records, kinds: Kinds) -> Any:
    """Return a `pandas.DataFrame`, whose integers and flags may be missing."""
    pd: Any = _library("pandas")
    types = {
        "text": "string",
        "integer": "Int64",
        "number": "Float64",
        "boolean": "boolean",
        "timestamp": "datetime64[us, UTC]",
        "labels": "object",
        "json": "string",
    }
    columns = {
        name: pd.Series(_column(records, name, kind), dtype=types[kind], index=range(len(records)))
        for name, kind in kinds.items()
    }
    return pd.DataFrame(columns, index=range(len(records)), columns=list(kinds))


def _column(records: Records, name: str, kind: ColumnKind) -> list[Any]:
    values = [record[name] for record in records]
    if kind == "labels":
        return [list(value) for value in values]
    if kind == "number":
        return [None if value is None else float(value) for value in values]
    return [value.astimezone(UTC) if isinstance(value, datetime) else value for value in values]
