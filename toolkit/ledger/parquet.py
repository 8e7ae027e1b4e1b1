"""A ledger as Parquet: one file for each table, and one for the evidence.

The rule of this file: nothing is lost, so what is read back is equal in every row, type and order. A column ``place`` holds the
order over all tables. Text that is no Unicode is kept as bytes, and the column says so.
"""

from __future__ import annotations

import heapq
import io
import json
import typing
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from toolkit import fsops
from toolkit.errors import LedgerError
from toolkit.ledger.lines import EVIDENCE, Evidence, EvidenceRow, Row, columns, is_optional
from toolkit.records import TABLES, Record, Stamp

if TYPE_CHECKING:
    import pyarrow as pa

BATCH: Final = 8192
"""Rows of a table that are held at once."""
ENDING: Final = ".parquet"
_PLACE: Final = "place"
_ODD_TEXT: Final = b"utf-8, half surrogate pairs included"
_KIND: Final = b"text"
_OF_EVIDENCE: Final[dict[str, Any]] = {"kind": str, "content": str}

Noted = tuple[int, Stamp, Record | Evidence]
"""Place, stamp, and what was noted."""


def write_parquet(rows: Iterator[Row | EvidenceRow], directory: Path) -> list[Path]:
    """Write every table and the evidence, empty ones too.

    Raises
    ------
    LedgerError
        One of the files is there already.
    """
    fsops.make_directory(directory)
    tables = {name: _Table(name) for name in (*TABLES, EVIDENCE)}
    for place, row in enumerate(rows):
        table = tables[EVIDENCE if isinstance(row, EvidenceRow) else row.record.TABLE]
        table.add(place, row)
    return [table.close(directory / f"{name}{ENDING}") for name, table in tables.items()]


def read_parquet(directory: Path) -> Iterator[tuple[Stamp, Record | Evidence]]:
    """Read what ``write_parquet`` wrote, in the order in which it was noted.

    Raises
    ------
    LedgerError
        A file is missing, or is not one of these.
    """
    tables = [_read(name, directory / f"{name}{ENDING}") for name in (*TABLES, EVIDENCE)]
    for _, stamp, entry in heapq.merge(*tables, key=itemgetter(0)):
        yield stamp, entry


# -- writing -----------------------------------------------------------------------------------------------------


class _Table:
    """The rows of one table on their way into a file; the file is made when they are all there, batches are packed before."""

    def __init__(self, name: str) -> None:
        self._columns = _columns(name)
        self._waiting: list[tuple[Any, ...]] = []
        self._packed: list[pa.RecordBatch] = []

    def add(self, place: int, row: Row | EvidenceRow) -> None:
        stamp = (place, row.stamp.pull, row.stamp.seq, row.stamp.at, row.stamp.image)
        if isinstance(row, EvidenceRow):
            content = json.dumps(row.evidence.content, ensure_ascii=True, separators=(",", ":"))
            self._waiting.append((*stamp, row.evidence.kind, content))
        else:
            names = list(self._columns)[len(stamp) :]
            self._waiting.append((*stamp, *(getattr(row.record, name) for name in names)))
        if len(self._waiting) == BATCH:
            self._pack()

    def close(self, path: Path) -> Path:
        """Write the file; it appears with all of its bytes."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._pack()
        odd = {name for batch in self._packed for name in self._columns if _is_odd(batch.schema.field(name))}
        schema = pa.schema([_field(name, annotation, odd=name in odd) for name, annotation in self._columns.items()])
        fresh = path.with_name(fsops.fresh_name(f".{path.name}."))
        try:
            with fsops.NewFile(fresh) as file:
                with pq.ParquetWriter(_Sink(file), schema, compression="zstd") as writer:
                    for batch in self._packed:
                        writer.write_batch(_fitted(batch, schema))
                file.sync()
            if not fsops.link_new(fresh, path):
                raise LedgerError(
                    f"{path.name} is there already", where=str(path), next_step="choose an empty directory: nothing is replaced"
                )
        finally:
            fsops.discard(fresh)
        return path

    def _pack(self) -> None:
        import pyarrow as pa

        if self._waiting:
            values = list(zip(*self._waiting, strict=True))
            made = [_array(name, annotation, values[index]) for index, (name, annotation) in enumerate(self._columns.items())]
            self._packed.append(
                pa.RecordBatch.from_arrays([array for _, array in made], schema=pa.schema([field for field, _ in made]))
            )
            self._waiting = []


class _Sink(io.RawIOBase):
    """A file of ours as pyarrow wants it."""

    def __init__(self, file: fsops.NewFile) -> None:
        super().__init__()
        self._file = file
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._file.write(view)
        self._place += view.nbytes
        return view.nbytes


def _columns(table: str) -> dict[str, Any]:
    """The columns of a file with their declared types."""
    own = _OF_EVIDENCE if table == EVIDENCE else columns(TABLES[table])
    return {_PLACE: int} | columns(Stamp) | own


def _array(name: str, annotation: Any, values: Sequence[Any]) -> tuple[pa.Field, pa.Array]:
    import pyarrow as pa

    field = _field(name, annotation)
    try:
        return field, pa.array(values, type=field.type)
    except UnicodeEncodeError:
        odd = _field(name, annotation, odd=True)
        return odd, pa.array([None if one is None else _encoded(one) for one in values], type=odd.type)


def _field(name: str, annotation: Any, *, odd: bool = False) -> pa.Field:
    import pyarrow as pa

    plain, optional = is_optional(annotation)
    if odd:
        return pa.field(name, pa.binary(), nullable=optional, metadata={_KIND: _ODD_TEXT})
    if typing.get_origin(plain) is Literal:
        kind: Any = pa.dictionary(pa.int8(), pa.string())
    else:
        kind = _types()[plain]()
    return pa.field(name, kind, nullable=optional)


def _types() -> dict[Any, Callable[[], Any]]:
    import pyarrow as pa

    return {
        str: pa.string,
        int: pa.int64,
        bool: pa.bool_,
        float: pa.float64,
        bytes: pa.binary,
        datetime: lambda: pa.timestamp("us", tz="UTC"),
    }


def _is_odd(field: pa.Field) -> bool:
    return (field.metadata or {}).get(_KIND) == _ODD_TEXT


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Bring a batch whose text is plain into a file in which some other batch's is not."""
    import pyarrow as pa

    arrays = [batch.column(index) for index in range(batch.num_columns)]
    arrays = [array if array.type == field.type else array.cast(field.type) for array, field in zip(arrays, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# -- reading -----------------------------------------------------------------------------------------------------


def _read(table: str, path: Path) -> Iterator[Noted]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not fsops.exists(path):
        raise LedgerError(
            f"{path.name} is missing",
            where=str(path),
            expected=f"a file for each of {len(TABLES) + 1} tables",
            next_step="`Ledger.to_parquet` writes them",
        )
    try:
        with pa.PythonFile(_Source(path), mode="r") as source:
            for batch in pq.ParquetFile(source).iter_batches(batch_size=BATCH):
                yield from _rows(table, batch)
    except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise LedgerError(
            f"{path.name} is no table of a ledger: {error!r}",
            where=str(path),
            expected=", ".join(_columns(table)),
            next_step="make it anew with `Ledger.to_parquet`",
        ) from error


def _rows(table: str, batch: pa.RecordBatch) -> Iterator[Noted]:
    names = list(_columns(table))
    values = [_values(batch, name) for name in names]
    for place, pull, seq, at, image, *rest in zip(*values, strict=True):
        stamp = Stamp(pull=pull, seq=seq, at=at.replace(tzinfo=UTC), image=image)
        if table == EVIDENCE:
            yield place, stamp, Evidence(rest[0], json.loads(rest[1]))
        else:
            kind: Any = TABLES[table]
            yield place, stamp, kind(**dict(zip(names[5:], rest, strict=True)))


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    values: list[Any] = batch.column(name).to_pylist()
    if _is_odd(batch.schema.field(name)):
        return [None if value is None else value.decode("utf-8", "surrogatepass") for value in values]
    return values


class _Source(io.BytesIO):
    """A file as pyarrow reads it."""

    def __init__(self, path: Path) -> None:
        super().__init__(fsops.read(path) or b"")
