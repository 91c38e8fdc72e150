import gzip
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skmlp.datasets import read_geo_matrix

SHEET = [
    '!Series_title\t"A study: of smoke"',
    "",
    '!Sample_title\t"P1"\t"P2"\t"P3"',
    '!Sample_geo_accession\t"GSM1"\t"GSM2"\t"GSM3"',
    '!Sample_characteristics_ch1\t"smoking status: never"\t"age: 61"\t"smoking status: current"',
    '!Sample_characteristics_ch1\t"age: 52"\t"smoking status: former"\t""',
    '!Sample_characteristics_ch1\t"plate: 007"\t"plate: 008"\t"plate: "',
]
TABLE = [
    "!series_matrix_table_begin",
    '"ID_REF"\t"GSM1"\t"GSM2"\t"GSM3"',
    '"cg05575921"\t0.91\t\t0.48',
    '"ch.1.1234F"\tNA\tnull\tNaN',
    '"rs1019916"\t0\t1\t5e-1',
    "!series_matrix_table_end",
]
FIRST_ROW = len(SHEET) + 3  # its line in the file, from 1


def write(path, table=TABLE, sheet=SHEET, end="\n"):
    text = end.join([*sheet, *table, ""]).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "GSE1_series_matrix.txt"


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_values_become_samples_by_cpgs(tmp_path, suffix, end, in_file, dtype):
    path = write(tmp_path / f"GSE1_series_matrix{suffix}", end=end)
    memmap = tmp_path / "values.npy" if in_file else None
    matrix = read_geo_matrix(path, dtype=dtype, memmap=memmap)
    expected = np.array([[0.91, np.nan, 0], [np.nan, np.nan, 1], [0.48, np.nan, 0.5]], dtype)
    np.testing.assert_array_equal(matrix.data, expected)
    assert matrix.data.dtype == dtype and matrix.data.flags.c_contiguous
    assert list(matrix.cpgs) == ["cg05575921", "ch.1.1234F", "rs1019916"]
    assert list(matrix.samples.index) == ["GSM1", "GSM2", "GSM3"]
    if in_file:
        assert isinstance(matrix.data, np.memmap) and not matrix.data.flags.writeable
        np.testing.assert_array_equal(np.load(memmap), expected)
        assert sorted(tmp_path.iterdir()) == sorted([path, memmap])


def test_the_frame_shares_the_memory(path):
    matrix = read_geo_matrix(write(path))
    frame = matrix.to_frame()
    assert np.shares_memory(frame.to_numpy(), matrix.data)
    assert frame.loc["GSM3", "cg05575921"] == np.float32(0.48)
    assert repr(matrix) == "MethylationMatrix(3 samples, 3 CpGs, float32)"


def test_a_key_is_a_column_wherever_it_is(path):
    samples = read_geo_matrix(write(path)).samples
    assert list(samples) == ["title", "smoking status", "age", "plate"]
    assert samples.index.name == "accession"
    assert samples["title"].tolist() == ["P1", "P2", "P3"]
    assert samples["smoking status"].tolist() == ["never", "former", "current"]
    np.testing.assert_array_equal(samples["age"], [52.0, 61.0, np.nan])
    assert samples["plate"].tolist()[:2] == ["007", "008"] and pd.isna(samples["plate"].iloc[2])


def test_characteristics_of_all_kinds(path):
    lines = [
        '!Sample_geo_accession\t"GSM1"\t"GSM2"\t"GSM3"',
        '!Sample_title\t"a ""quoted"" title"\t"b"\t"c"',
        '!Sample_characteristics_ch1\t"title: x"\t"title: y"\t"title: z"',
        '!Sample_characteristics_ch1\t"drug: a"\t"drug: NA"\t"drug: 1:2"',
        '!Sample_characteristics_ch1\t"drug: b"\t"whole blood"\t"whole blood"',
    ]
    samples = read_geo_matrix(write(path, sheet=lines)).samples
    assert samples["title"].tolist() == ['a "quoted" title', "b", "c"]
    assert samples["title_ch1"].tolist() == ["x", "y", "z"]
    assert samples["drug"].fillna("-").tolist() == ["a; b", "-", "1:2"]
    assert samples["characteristics"].fillna("-").tolist() == ["-", "whole blood", "whole blood"]


def test_the_sheet_follows_the_order_of_the_table(path):
    table = [line.replace('"GSM1"\t"GSM2"', '"GSM2"\t"GSM1"') for line in TABLE]
    samples = read_geo_matrix(write(path, table)).samples
    assert samples["title"].tolist() == ["P2", "P1", "P3"]


def test_many_blocks_are_one_table(path, tmp_path, rng, monkeypatch):
    monkeypatch.setattr("skmlp.datasets._text_table.BLOCK", 1000)
    values = rng.uniform(size=(300, 3)).round(4)
    rows = [f"cg{i:08d}\t" + "\t".join(map(str, row)) for i, row in enumerate(values)]
    write(path, [*TABLE[:2], *rows, TABLE[-1]])
    for memmap in (None, tmp_path / "values.npy"):
        data = read_geo_matrix(path, memmap=memmap).data
        np.testing.assert_array_equal(data, values.T.astype(np.float32))
    rows[250] = "cg00000250\t0.5\t0.5\t2"
    write(path, [*TABLE[:2], *rows, TABLE[-1]])
    with pytest.raises(ValueError, match=rf"line {FIRST_ROW + 250}, column 4 \('GSM3'\)"):
        read_geo_matrix(path)


def with_row(row):
    return [*TABLE[:3], row, *TABLE[3:]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            TABLE[:-1],
            rf"ends after line {FIRST_ROW + 2}, but expected the line '!series_matrix_tab",
        ),
        ([*TABLE[:3], "cg1\t0.1\t0."], r"ends after line .*: it is cut short"),
        (TABLE[:2], r"ends after the header, .*: it is cut short"),
        (with_row("cg1\t0.1\t0.2"), rf"line {FIRST_ROW + 1}: got 3 fields, but expected 4"),
        (with_row("cg1"), rf"line {FIRST_ROW + 1}: got 1 field, but expected 4"),
        (with_row("cg1\t0.1\t0.2\t0.3\t"), r"got 5 fields, but expected 4.*a separator too many"),
        (with_row(""), rf"line {FIRST_ROW + 1}: got 0 fields.*an empty line"),
        (
            with_row("cg1\t0.1\tlow\t0.3"),
            rf"line {FIRST_ROW + 1}, column 3 \('GSM2'\): got 'low', but expected a number",
        ),
        (with_row("cg1\t0.1\t0,2\t0.3"), r"got '0,2', but expected a number \(with a decimal poi"),
        (with_row("cg1\tTrue\tTrue\tTrue"), r"column 2 \('GSM1'\): got 'True'"),
        (with_row("cg1\t0.1\t1_0\t0.3"), r"got '1_0'"),
        (
            with_row('"cg05575921"\t0.1\t0.2\t0.3'),
            rf"line {FIRST_ROW + 1}: got the CpG 'cg05575921', which is already at "
            rf"line {FIRST_ROW}\.",
        ),
        (with_row("\t0.1\t0.2\t0.3"), rf"line {FIRST_ROW + 1}: got a CpG without a name"),
        (
            with_row("cg1\t0.1\t1.2\t0.3"),
            rf"line {FIRST_ROW + 1}, column 3 \('GSM2'\): got 1.2, but expected a beta value "
            r"between 0 and 1. Pass values='M'",
        ),
        (with_row("cg1\t0.1\t0.2\t-0.01"), r"column 4 \('GSM3'\): got -0.01, but expected a beta"),
        (with_row("cg1\t0.1\tinf\t0.2"), r"got inf, but expected a beta"),
        (
            [TABLE[0], '"ID_REF"\t"GSM1"\t"GSM2"\t"GSM2"', *TABLE[2:]],
            r"column 4 \('GSM2'\): got the sample 'GSM2', which is already at column 3",
        ),
        (
            [TABLE[0], '"ID_REF"\t"GSM1"\t"GSM8"\t"GSM9"', *TABLE[2:]],
            r"do not match: 2 of 3 \('GSM8', 'GSM9'\) samples of the file have no row in the "
            r"sheet, 2 of 3 \('GSM2', 'GSM3'\) rows",
        ),
        (
            [TABLE[0], "ID_REF\tcg1\tcg2", "GSM1\t0.1\t0.2", TABLE[-1]],
            r"got 'GSM1' as a CpG and 'cg1' as a sample.*transposed.*read_beta_matrix",
        ),
        ([*TABLE[:2], TABLE[-1]], r"the table has no rows: .*supplementary file.*read_beta_matrix"),
        ([TABLE[0], "0.1\t0.2", TABLE[-1]], rf"line {FIRST_ROW - 1}: got .*expected ID_REF"),
        ([], r"got 7 lines without !series_matrix_table_begin"),
    ],
)
def test_a_broken_file_is_refused(path, table, message):
    write(path, table)
    with pytest.raises(ValueError, match=message) as caught:
        read_geo_matrix(path, memmap=path.with_name("values.npy"))
    assert str(path) in str(caught.value)
    assert list(path.parent.iterdir()) == [path]  # nothing half done is left


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        (SHEET[:3], "expected a line !Sample_geo_accession"),
        (
            [*SHEET, '!Sample_characteristics_ch1\t"sex: F"'],
            rf"line {len(SHEET) + 1}: got 1 fields after !Sample_characteristics_ch1.*of 3 samples",
        ),
    ],
)
def test_a_broken_sheet_is_refused(path, sheet, message):
    with pytest.raises(ValueError, match=message):
        read_geo_matrix(write(path, sheet=sheet))


def test_a_repeated_accession_is_refused(path):
    double = [line.replace("GSM3", "GSM2") for line in SHEET]
    with pytest.raises(ValueError, match=r"1 id in more than one row: 'GSM2'"):
        read_geo_matrix(write(path, sheet=double))


def test_a_gz_cut_short_is_refused(tmp_path, rng):
    rows = [f"cg{i}\t" + "\t".join(map(str, rng.uniform(size=3))) for i in range(1000)]
    path = write(tmp_path / "GSE1.txt.gz", [*TABLE[:2], *rows, TABLE[-1]])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"GSE1.txt.gz: the compressed file is cut short or damag"):
        read_geo_matrix(path)
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(64) + whole[middle + 64 :])
    with pytest.raises(ValueError, match=r"GSE1.txt.gz"):
        read_geo_matrix(path)


def test_other_files_are_refused(path):
    path.write_text("<html>please log in</html>")
    with pytest.raises(ValueError, match=r"got 1 lines without .*expected a Series Matrix"):
        read_geo_matrix(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"got 0 lines without .*expected a Series Matrix"):
        read_geo_matrix(path)
    path.write_bytes(b"PK\x03\x04rest")
    with pytest.raises(ValueError, match="ZIP archive or an Excel workbook"):
        read_geo_matrix(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_geo_matrix(path.with_name("nowhere.txt"))


def test_m_values(path):
    write(path, with_row("cg1\t-3.2\t4.5\t0"))
    assert read_geo_matrix(path, values="M").data[0, 1] == np.float32(-3.2)
    write(path, with_row("cg1\t-3.2\tInf\t0"))
    with pytest.raises(ValueError, match=r"got inf, but expected a finite M-value"):
        read_geo_matrix(path, values="M")
    assert read_geo_matrix(path, values="any").data[1, 1] == np.inf


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"values": "m"}, "Got values='m', but expected one of 'beta', 'M', 'any'"),
        ({"dtype": "int8"}, "Got dtype='int8', but expected a float dtype"),
    ],
)
def test_settings_are_checked(path, setting, message):
    with pytest.raises(ValueError, match=message):
        read_geo_matrix(write(path), **setting)


def test_the_file_itself_is_not_written_over(path):
    write(path)
    with pytest.raises(ValueError, match=re.escape("but that is the file to read")):
        read_geo_matrix(path, memmap=path)


BLOCK = 2**19
MEASURE = """
import sys
from pathlib import Path
from skmlp.datasets import _text_table, read_geo_matrix

def peak():  # of this program alone, in bytes
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

small, large, memmap, block = sys.argv[1:]
_text_table.BLOCK = int(block)
read_geo_matrix(small, memmap=memmap)
before = peak()
matrix = read_geo_matrix(large, memmap=memmap)
print(peak() - before, matrix.data.nbytes)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to measure memory")
def test_a_large_file_takes_little_memory(tmp_path, rng):
    accessions = [f"GSM{i}" for i in range(200)]
    sheet = ["\t".join(["!Sample_geo_accession", *accessions])]
    head = [TABLE[0], "\t".join(["ID_REF", *accessions])]
    rows = ["\t".join(row) for row in rng.uniform(size=(50, 200)).round(4).astype(str)]
    small, large = tmp_path / "small.txt", tmp_path / "large.txt"
    for path, n_cpgs in ((small, 4000), (large, 20_000)):
        table = [f"cg{i:08d}\t{rows[i % 50]}" for i in range(n_cpgs)]
        write(path, [*head, *table, TABLE[-1]], sheet)
    run = [sys.executable, "-c", MEASURE, small, large, tmp_path / "values.npy", str(BLOCK)]
    grown, size = map(int, subprocess.run(run, check=True, capture_output=True).stdout.split())
    assert large.stat().st_size > 26_000_000 and size == 16_000_000
    assert grown < 12 * BLOCK + 200 * 20_000 < size  # some blocks, and the names of the CpGs
    np.testing.assert_array_equal(
        np.load(tmp_path / "values.npy", mmap_mode="r")[:, -1],
        np.array(rows[19_999 % 50].split("\t"), dtype=np.float32),
    )
