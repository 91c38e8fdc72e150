import csv
import gzip
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skmlp.datasets import read_beta_matrix

CPGS = ["cg05575921", "cg23916896", "ch.1.1234F", "rs1019916"]
IDS = ["P1", "P2", "P3"]
BETAS = np.array([[0.91, 0.27, np.nan, 0], [0.48, np.nan, 0.5, 1], [0.7, 0.3, 0.2, 0.1]])
FRAME = pd.DataFrame(BETAS, index=pd.Index(IDS, name="id"), columns=CPGS)
SHEET = pd.DataFrame({"smoking": ["current", "never", "former"]}, index=["P2", "P1", "P3"])


def as_parquet(frame, path):
    frame.to_parquet(path)


def as_r(frame, path):
    """Write as R's `write.table` does: names in quotes, and none for the column of the names."""
    head = "\t".join(f'"{name}"' for name in frame)
    rows = frame.to_csv(sep="\t", header=False, na_rep="NA", lineterminator="\n").splitlines()
    rows = ['"{}"\t{}'.format(*row.split("\t", 1)) for row in rows]
    path.write_text("\n".join([head, *rows]) + "\n")


WRITERS = {
    "betas.csv": lambda frame, path: frame.to_csv(path),
    "betas.csv.gz": lambda frame, path: frame.to_csv(path),
    "betas.tsv": lambda frame, path: frame.to_csv(path, sep="\t", na_rep="NaN"),
    "semicolons.txt": lambda frame, path: frame.to_csv(path, sep=";", lineterminator="\r\n"),
    "bom.csv": lambda frame, path: frame.to_csv(path, encoding="utf-8-sig"),
    "r.txt": as_r,
    "betas.parquet": as_parquet,
    "column.parquet": lambda frame, path: frame.rename_axis("x").reset_index().to_parquet(path),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("cpgs_are", ["rows", "columns"])
@pytest.mark.parametrize("orientation", ["auto", "given"])
def test_any_form_gives_the_same(tmp_path, name, cpgs_are, orientation):
    path = tmp_path / name
    WRITERS[name](FRAME.T if cpgs_are == "rows" else FRAME, path)
    given = {"rows": "cpg_by_sample", "columns": "sample_by_cpg"}[cpgs_are]
    matrix = read_beta_matrix(
        path, samples=SHEET, orientation=given if orientation == "given" else "auto"
    )
    np.testing.assert_array_equal(matrix.data, BETAS.astype(np.float32))
    assert matrix.data.flags.c_contiguous
    assert list(matrix.cpgs) == CPGS
    assert matrix.samples["smoking"].to_dict() == {"P1": "never", "P2": "current", "P3": "former"}
    assert list(matrix.samples.index) == IDS


@pytest.mark.parametrize("name", ["betas.csv", "betas.parquet"])
@pytest.mark.parametrize("cpgs_are", ["rows", "columns"])
def test_blocks_and_a_file_for_the_values(tmp_path, name, cpgs_are, rng, monkeypatch):
    monkeypatch.setattr("skmlp.datasets._text_table.BLOCK", 200)
    monkeypatch.setattr("skmlp.datasets._parquet_table.BLOCK", 200)
    betas = rng.uniform(size=(11, 37))
    frame = pd.DataFrame(betas, columns=[f"cg{i:08d}" for i in range(37)])
    frame.index = [f"P{i}" for i in range(11)]
    WRITERS[name](frame.T if cpgs_are == "rows" else frame, tmp_path / name)
    matrix = read_beta_matrix(tmp_path / name, memmap=tmp_path / "values.npy", dtype="float64")
    assert isinstance(matrix.data, np.memmap)
    np.testing.assert_allclose(matrix.to_frame(), frame, rtol=1e-12)
    assert list(matrix.samples.index) == list(frame.index) and matrix.samples.shape[1] == 0


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 7)), elements=st.floats(0, 1)),
    st.sampled_from([",", "\t", ";"]),
    st.booleans(),
)
def test_what_is_written_comes_back(tmp_path_factory, betas, sep, cpgs_are_rows):
    path = tmp_path_factory.mktemp("betas") / "betas.txt"
    frame = pd.DataFrame(betas, columns=[f"cg{i:08d}" for i in range(betas.shape[1])])
    frame.index = [f"P {i}" for i in range(len(frame))]
    (frame.T if cpgs_are_rows else frame).to_csv(path, sep=sep)
    orientation = "cpg_by_sample" if cpgs_are_rows else "sample_by_cpg"
    matrix = read_beta_matrix(path, dtype="float64", orientation=orientation)
    np.testing.assert_allclose(matrix.data, betas, rtol=1e-12)
    assert list(matrix.samples.index) == list(frame.index)


@pytest.mark.parametrize("cpgs_are", ["rows", "columns"])
@pytest.mark.parametrize("sep", [",", "\t", ";"])
def test_separators_in_quoted_names(tmp_path, cpgs_are, sep):
    ids = ["Ames, A; 1\t", "Bell, B; 2\t", "Cole, C; 3\t"]
    frame = FRAME.set_axis(ids, axis=0)
    path = tmp_path / "betas.txt"
    (frame.T if cpgs_are == "rows" else frame).to_csv(path, sep=sep, quoting=csv.QUOTE_NONNUMERIC)
    matrix = read_beta_matrix(path)
    np.testing.assert_array_equal(matrix.data, BETAS.astype(np.float32))
    assert list(matrix.samples.index) == [name.strip() for name in ids]


def test_detection_p_values_are_left_out(tmp_path):
    path = tmp_path / "supplement.csv"
    path.write_text(
        "ID_REF,P1,Detection Pval,P2,P2.Detection.Pval\ncg1,0.9,0,0.4,1\ncg2,0.1,0.01,0.2,0\n"
    )
    matrix = read_beta_matrix(path)
    np.testing.assert_array_equal(matrix.data, np.float32([[0.9, 0.1], [0.4, 0.2]]))
    assert list(matrix.samples.index) == ["P1", "P2"]


SHEETS = {
    "sheet.csv": "id,age,plate\nP3,51,007\nP1,40,008\nP2,,009\n",
    "sheet.tsv": "id\tage\tplate\nP3\t51\t007\nP1\t40\t008\nP2\tNA\t009\n",
    "r.csv": '"age","plate"\n"P3",51,"007"\n"P1",40,"008"\n"P2",NA,"009"\n',
    "GSE1_series_matrix.txt": (
        '!Sample_title\t"P3"\t"P1"\t"P2"\n!Sample_geo_accession\t"GSM1"\t"GSM2"\t"GSM3"\n'
        '!Sample_characteristics_ch1\t"age: 51"\t"age: 40"\t""\n'
        '!Sample_characteristics_ch1\t"plate: 007"\t"plate: 008"\t"plate: 009"\n'
        "!series_matrix_table_begin\n"
    ),
}


@pytest.mark.parametrize("name", [*SHEETS, "sheet.csv.gz", "sheet.parquet"])
def test_a_sheet_in_a_file(tmp_path, name):
    text = (
        SHEETS[name.removesuffix(".gz") if name.endswith(".gz") else name]
        if (name != "sheet.parquet")
        else ""
    )
    sheet = tmp_path / name
    if name == "sheet.parquet":
        pd.DataFrame(
            {"id": ["P3", "P1", "P2"], "age": [51, 40, None], "plate": ["007", "008", "009"]}
        ).to_parquet(sheet)
    else:
        sheet.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    FRAME.to_csv(tmp_path / "betas.csv")
    id_column = "title" if name.startswith("GSE") else None
    samples = read_beta_matrix(tmp_path / "betas.csv", samples=sheet, id_column=id_column).samples
    assert list(samples.index) == IDS
    np.testing.assert_array_equal(samples["age"], [40, np.nan, 51])
    assert samples["plate"].tolist() == ["008", "009", "007"]


def test_ids_may_be_numbers(tmp_path):
    frame = FRAME.set_axis([201868590193, 201868590206, 7], axis=0)
    frame.T.to_csv(tmp_path / "betas.csv")
    sheet = pd.DataFrame({"sentrix": [7, 201868590193, 201868590206], "age": [1, 2, 3]})
    samples = read_beta_matrix(tmp_path / "betas.csv", samples=sheet, id_column="sentrix").samples
    assert samples["age"].tolist() == [2, 3, 1]
    assert samples.index.tolist() == ["201868590193", "201868590206", "7"]


@pytest.mark.parametrize(
    ("sheet", "id_column", "message"),
    [
        (
            SHEET.rename({"P1": "Q1"}).drop(index="P2"),
            None,
            r"betas.csv and the sample sheet do not match: 2 of 3 \('P1', 'P2'\) samples of the "
            r"file have no row in the sheet, 1 of 2 \('Q1'\) rows of the sheet have no sample",
        ),
        (
            pd.concat([SHEET, SHEET.rename(lambda name: f"{name}x")]),
            None,
            r"0 of 3 samples .*, 3 of 6 \('P1x', 'P2x', 'P3x'\) rows",
        ),
        (
            pd.concat([SHEET, SHEET]),
            None,
            r"3 ids in more than one row: 'P2', 'P1', 'P3'\. Expected",
        ),
        (SHEET.rename_axis("id").reset_index(), None, r"in the column 'id': pass id_column='id'"),
        (SHEET.assign(code=IDS), "cod", r"Got id_column='cod'.*did you mean 'code'\?"),
        (SHEET.assign(code=IDS), "zz", r"no such column: there are 'smoking', 'code'"),
    ],
)
def test_a_sheet_that_does_not_fit_is_refused(tmp_path, sheet, id_column, message):
    FRAME.to_csv(tmp_path / "betas.csv")
    with pytest.raises(ValueError, match=message):
        read_beta_matrix(tmp_path / "betas.csv", samples=sheet, id_column=id_column)


def test_a_broken_sheet_is_refused(tmp_path):
    FRAME.to_csv(tmp_path / "betas.csv")
    sheet = tmp_path / "sheet.csv"
    for text in ("id,age\nP1,4\nP2,5,6,7\n", ""):
        sheet.write_text(text)
        with pytest.raises(ValueError, match=r"sheet.csv: cannot be read as a sample sheet"):
            read_beta_matrix(tmp_path / "betas.csv", samples=sheet)
    sheet.write_bytes(gzip.compress(b"id,age\n" + b"P1,4\n" * 1000)[:-20])
    with pytest.raises(ValueError, match=r"sheet.csv: the compressed file is cut short"):
        read_beta_matrix(tmp_path / "betas.csv", samples=sheet)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id,cg1,cg2\nP1,0.1,0.2\nP2,0.3\n",
            r"line 3: got 2 fields, but expected 3.*file cut short",
        ),
        ("id,cg1,cg2\nP1,0.1,0.2\nP2,0.3,0.4,0.5\n", r"line 3: got 4 fields, but expected 3"),
        ("id,cg1,cg2\nP1,0.1,0.2\n\nP2,0.3,0.4\n", r"line 3: got 0 fields, but expected 3"),
        ("id,cg1,cg2\nP1,0.1,x\n", r"line 2, column 3 \('cg2'\): got 'x', but expected a number"),
        ("id,cg1,cg2\nP1,0.1,1.01\n", r"line 2, column 3 \('cg2'\): got 1.01, but expected a beta"),
        (
            "id,cg1,cg1\nP1,0.1,0.2\n",
            r"column 3 \('cg1'\): got the CpG 'cg1', which is already at c",
        ),
        (
            "id,cg1,cg2\nP1,0,0\nP1,0,0\n",
            r"line 3: got the sample 'P1', which is already at line 2",
        ),
        ("cpg,P1,P1\ncg1,0.1,0.2\n", r"column 3 \('P1'\): got the sample 'P1'"),
        ("cpg,P1,\ncg1,0.1,0.2\n", r"column 3 \(''\): got a sample without a name"),
        ("cpg,P1\ncg1,0.1\ncg1,0.2\n", r"line 3: got the CpG 'cg1', which is already at line 2"),
        (
            "x,P1\nprobe,0.1\n",
            r"got 0 rows and 0 columns with names of CpGs.*'probe'.*'P1'.*orient",
        ),
        ("x,cg1\ncg1,0.1\n", r"got 1 rows and 1 columns with names of CpGs"),
        ("id,cg1\n", r"a header without values"),
        ('!Series_title\t"A study"\n', r"got a Series Matrix.*use read_geo_matrix"),
        ("nothing\n", r"line 1: got 'nothing', but expected a header"),
        ("", r"line 1: got '', but expected a header"),
    ],
)
def test_a_broken_table_is_refused(tmp_path, text, message):
    path = tmp_path / "betas.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_beta_matrix(path)
    assert str(path) in str(caught.value)


def test_blank_lines_at_the_end_are_no_rows(tmp_path):
    path = tmp_path / "betas.csv"
    path.write_text("id,cg1\nP1,0.5\n\n\n")
    assert read_beta_matrix(path).data.tolist() == [[0.5]]


def test_m_values_are_taken_when_said(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("id,cg1\nP1,-3.5\n")
    with pytest.raises(ValueError, match="values='M'"):
        read_beta_matrix(path)
    assert read_beta_matrix(path, values="M").data.tolist() == [[-3.5]]


def test_settings_are_checked(tmp_path):
    path = tmp_path / "betas.csv"
    FRAME.to_csv(path)
    with pytest.raises(
        ValueError, match=r"Got orientation='rows', but expected 'auto', 'cpg_by_sam"
    ):
        read_beta_matrix(path, orientation="rows")
    with pytest.raises(ValueError, match=r"Got values='b'"):
        read_beta_matrix(path, values="b")


def test_a_full_disk_is_told_before(tmp_path, monkeypatch):
    path = tmp_path / "betas.csv"
    FRAME.to_csv(path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1})())
    with pytest.raises(OSError, match=r"Got memmap=.*values.npy', but the values take 0 MiB"):
        read_beta_matrix(path, memmap=tmp_path / "values.npy")
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_an_older_file_as_it_was(tmp_path):
    path, memmap = tmp_path / "betas.csv", tmp_path / "values.npy"
    memmap.write_bytes(b"older")
    path.write_text("id,cg1\nP1,2\n")
    with pytest.raises(ValueError, match="got 2, but expected a beta"):
        read_beta_matrix(path, memmap=memmap)
    assert memmap.read_bytes() == b"older"
    FRAME.to_csv(path)
    assert read_beta_matrix(path, memmap=memmap).data.shape == (3, 4)


# -- Parquet -----------------------------------------------------------------------------


def test_parquet_takes_whole_numbers_and_gaps(tmp_path):
    frame = pd.DataFrame({"id": ["a", "b"], "cg1": [0, 1], "cg2": [None, 0.5], "cg3": [None, None]})
    frame.to_parquet(tmp_path / "betas.parquet")
    matrix = read_beta_matrix(tmp_path / "betas.parquet")
    expected = np.float32([[0, np.nan, np.nan], [1, 0.5, np.nan]])
    np.testing.assert_array_equal(matrix.data, expected)


def test_parquet_of_polars(tmp_path):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"id": ["a", "b"], "cg1": [0.1, 0.2]})
    frame.write_parquet(tmp_path / "betas.parquet")
    matrix = read_beta_matrix(tmp_path / "betas.parquet")
    assert list(matrix.samples.index) == ["a", "b"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            pd.DataFrame({"id": ["a"], "cg1": [0.5], "sex": ["F"]}),
            r"column 3 \('sex'\): got values of type .*string, but expected numbers",
        ),
        (pd.DataFrame({"cg1": [0.5], "cg2": [0.5]}), r"got columns of numbers only"),
        (
            pd.DataFrame({"id": ["a", "b"], "cg1": [0.5, 0.5], "cg2": [0.5, 1.5]}),
            r"row 2 \('b'\), column 3 \('cg2'\): got 1.5, but expected a beta",
        ),
        (
            pd.DataFrame({"id": ["a", "a"], "cg1": [0.5, 0.5]}),
            r"row 2 \('a'\): got the sample 'a', which is already at row 1",
        ),
    ],
)
def test_broken_parquet_is_refused(tmp_path, frame, message):
    path = tmp_path / "betas.parquet"
    frame.to_parquet(path)
    with pytest.raises(ValueError, match=message) as caught:
        read_beta_matrix(path)
    assert str(path) in str(caught.value)


def test_parquet_cut_short_is_refused(tmp_path):
    path = tmp_path / "betas.parquet"
    FRAME.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"betas.parquet: cannot be read as Parquet"):
        read_beta_matrix(path)


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    FRAME.to_parquet(tmp_path / "betas.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r'pip install "skmlp\[parquet\]"'):
        read_beta_matrix(tmp_path / "betas.parquet")
