"""Tables of other libraries, in and out by Arrow's capsules."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

from meanap import _arrow

COLUMNS = {
    "id": np.arange(4),
    "score": np.array([0.5, np.nan, -0.0, 1e300]),
    "box": np.arange(16, dtype=np.float32).reshape(4, 4),
    "crowd": np.array([True, False, False, True]),
    "name": ["a", "", "größer", "a text that is longer than a view holds"],
    "points": np.arange(24).reshape(4, 3, 2),
}


def polars(columns):
    return pytest.importorskip("polars", reason="Polars is not installed").DataFrame(columns)


def pandas(columns):
    pytest.importorskip("pyarrow", reason="pandas has the Arrow interface through pyarrow")
    frame = pytest.importorskip("pandas", reason="pandas is not installed").DataFrame
    return frame({name: column if np.ndim(column) == 1 else list(column) for name, column in columns.items()})


def pyarrow(columns):
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed").table(columns)


def duckdb(columns):
    module = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    source = _arrow.export(columns)  # noqa: F841, found by its name
    return module.sql("select * from source")


LIBRARIES = [polars, pandas, pyarrow, duckdb]


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_of_each_library(library):
    columns = {name: COLUMNS[name] for name in ("id", "crowd", "name")} | {"score": np.array([0.5, 2, -0.0, 1e300])}
    table = library(columns)
    assert _arrow.speaks_arrow(table)
    read = _arrow.ArrowColumns(table, "run")
    assert list(read) == list(columns) and read.rows == 4
    assert read["id"].dtype == np.int64 and read["id"].tolist() == [0, 1, 2, 3]
    assert read["crowd"].dtype == bool and read["crowd"].tolist() == [True, False, False, True]
    assert read["score"].tobytes() == columns["score"].tobytes()
    assert read["name"].tolist() == list(read["name"]) == np.asarray(read["name"]).tolist() == columns["name"]


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_null_is_refused_by_its_row(library):
    if library in (polars, pyarrow):
        table = library({"score": [0.5, None, 1.0]})
    elif library is pandas:
        table = library({"score": np.array([0.5, np.nan, 1.0])})  # which is how pandas says it
    else:
        table = pytest.importorskip("duckdb").sql("select unnest([0.5, null, 1.0]) as score")
    with pytest.raises(ValueError, match='^run: column "score": row 1 is null$'):
        _arrow.ArrowColumns(table, "run")["score"]


@pytest.mark.parametrize("library", [polars, pyarrow])
def test_lists(library):
    read = _arrow.ArrowColumns(library({"x": [[1, 2], [], [3]], "box": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]}), "run")
    assert read["x"].offsets.tolist() == [0, 2, 2, 3] and read["x"].items.tolist() == [1, 2, 3]
    assert read["x"].even() is None
    assert read["box"].even().tolist() == [[1, 2], [3, 4], [5, 6]]
    table = library({"x": [[1, 2], [3, None]]})
    with pytest.raises(ValueError, match='column "x": row 1: item 1 is null'):
        _arrow.ArrowColumns(table, "run")["x"]


def test_what_is_exported_is_read_by_each_library():
    exported = _arrow.export(COLUMNS)
    assert len(exported) == 4
    assert polars(exported).row(2)[:2] == (2, 0.0)
    pa = pytest.importorskip("pyarrow")
    assert pa.table(exported).schema.field("box").type == pa.list_(pa.field("item", pa.float32(), nullable=False), 4)
    assert pa.record_batch(exported).num_rows == 4
    frame = pytest.importorskip("pandas").DataFrame
    if hasattr(frame, "from_arrow"):  # from pandas 3 on
        assert frame.from_arrow(exported)["name"].tolist() == COLUMNS["name"]
    source = exported  # noqa: F841, found by its name
    assert pytest.importorskip("duckdb").sql("select sum(id) from source").fetchall() == [(6,)]


def test_what_is_exported_is_read_again():
    read = _arrow.ArrowColumns(_arrow.export(COLUMNS), "back")
    for name, column in COLUMNS.items():
        back, column = np.asarray(read[name]), np.asarray(column)
        assert back.shape == column.shape
        assert back.tolist() == column.tolist() if column.dtype.kind == "U" else back.tobytes() == column.tobytes()


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "?", "f2", ">i8"])
def test_types_of_numbers(kind):
    column = np.array([0, 1, 1, 0, 1, 1, 1, 0, 1], dtype=kind)
    back = _arrow.ArrowColumns(_arrow.export({"x": column[::2]}), "back")["x"]
    assert back.dtype == (np.float32 if kind == "f2" else column.dtype.newbyteorder("="))
    assert back.tolist() == column[::2].tolist()


def test_half_precision_and_decimals_and_codes():
    pa = pytest.importorskip("pyarrow")
    half = np.array([1, -2, 65504, 6e-8, np.inf], dtype=np.float16)
    decimals = pa.array([1, 2, 3, 4, 5]).cast(pa.decimal128(30, 3))
    table = pa.table({
        "half": half,
        "decimal": decimals,
        "code": pa.array(["x", "y", "x", "z", "x"]).dictionary_encode(),
        "number": pa.array([7, 7, 8, 8, 7], pa.int16()).dictionary_encode(),
        "large": pa.array(["a", "b", "c", "d", "e"], pa.large_string()),
    })  # fmt: skip
    for rows in (table, pa.concat_tables([table[:2], table[2:]]), table[1:]):
        read = _arrow.ArrowColumns(rows, "run")
        for name in rows.column_names:
            assert read[name].tolist() == [float(x) if name == "decimal" else x for x in rows[name].to_pylist()]


def test_no_copy_and_no_writing():
    pa = pytest.importorskip("pyarrow")
    column = np.arange(1000)
    read = _arrow.ArrowColumns(pa.table({"x": column}), "run")["x"]
    assert np.shares_memory(column, read) and not read.flags.writeable
    back = pa.table(_arrow.export({"x": column}))["x"].chunk(0).to_numpy()
    assert np.shares_memory(column, back)


def test_memory_is_freed_with_its_last_reader():
    pa = pytest.importorskip("pyarrow")

    class Array(np.ndarray):
        """An array whose use is recorded."""

    column = np.arange(1000).view(Array)
    watched = weakref.ref(column)
    read = _arrow.ArrowColumns(
        pa.table({"x": pa.Array.from_buffers(pa.int64(), 1000, [None, pa.py_buffer(column)])}), "x"
    )["x"]
    del column
    gc.collect()
    assert watched() is not None and read[999] == 999
    del read
    gc.collect()
    assert watched() is None


def test_a_stream_that_was_read_before():
    class Once:
        def __init__(self, capsule):
            self.capsule = capsule

        def __arrow_c_stream__(self, requested_schema=None):
            return self.capsule

    once = Once(_arrow.export(COLUMNS).__arrow_c_stream__())
    assert _arrow.ArrowColumns(once, "run").rows == 4
    with pytest.raises(ValueError, match="run: an Arrow capsule that was read before"):
        _arrow.ArrowColumns(once, "run")


def test_a_stream_that_fails():
    pa = pytest.importorskip("pyarrow")

    def batches():
        yield pa.record_batch({"x": [1]})
        raise OSError("the disk is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"x": pa.int64()}), batches())
    with pytest.raises(ValueError, match="run: .*the disk is gone"):
        _arrow.ArrowColumns(reader, "run")


def test_wrong_things():
    with pytest.raises(TypeError, match="run: an int has no Arrow interface"):
        _arrow.ArrowColumns(3, "run")
    with pytest.raises(ValueError, match='column "b" has 1 rows, expected 2'):
        _arrow.export({"a": [1, 2], "b": [3]})
    with pytest.raises(TypeError, match='column "a": row 1 is not a str'):
        _arrow.export({"a": ["x", 3]})
    with pytest.raises(TypeError, match='column "a" is .*complex'):
        _arrow.export({"a": [1j]})
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(TypeError, match='run: column "t": the values are times'):
        _arrow.ArrowColumns(pa.table({"t": pa.array([0], pa.timestamp("s"))}), "run")["t"]
    with pytest.raises(TypeError, match="run: one column, expected a table"):
        _arrow.ArrowColumns(pa.array([1]), "run")
    with pytest.raises(TypeError, match="run: a table, expected one column"):
        _arrow.values(pa.table({"x": [1]}), "run")
    assert _arrow.values(pa.chunked_array([[1], [2, 3]]), "x").tolist() == [1, 2, 3]
    assert len(_arrow.ArrowColumns(pa.table({"x": pa.array([], pa.string())}), "run")["x"]) == 0


def test_nothing_is_imported():
    code = "import meanap, sys; from meanap import _arrow; r = _arrow.ArrowColumns(_arrow.export({'x': [1.5]}), 'r')"
    code += "; assert r['x'][0] == 1.5; print({'polars', 'pandas', 'pyarrow', 'duckdb'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
