"""Download studies from GEO, once."""

import os
import re
import time
from pathlib import Path
from typing import Any

from numpy.typing import DTypeLike
from sklearn.datasets import get_data_home

from ._methylation_matrix import MethylationMatrix
from ._series_matrix import read_geo_matrix

GEO = "https://ftp.ncbi.nlm.nih.gov/geo/series"
ACCESSION = re.compile(r"GSE\d+")
PLATFORM = re.compile(r"GPL\d+")
SHA256 = re.compile(r"(sha256:)?[0-9a-fA-F]{64}")
TIMEOUT = 60  # seconds without an answer


def _import_pooch() -> Any:
    try:
        import pooch
    except ImportError as error:
        raise ImportError(
            'Files are downloaded with pooch, which is not installed: pip install "skmlp[geo]"'
        ) from error
    return pooch


def _check(accession, platform, checksum, n_retries):
    if not ACCESSION.fullmatch(str(accession)):
        raise ValueError(
            f"Got accession={accession!r}, but expected that of a series, such as 'GSE50660'."
        )
    if platform is not None and not PLATFORM.fullmatch(str(platform)):
        raise ValueError(
            f"Got platform={platform!r}, but expected an accession such as 'GPL13534', or None."
        )
    if checksum is not None and not SHA256.fullmatch(str(checksum)):
        raise ValueError(
            f"Got checksum={checksum!r}, but expected the SHA-256 of the file: 64 hexadecimal "
            "digits."
        )
    if n_retries < 0:
        raise ValueError(f"Got n_retries={n_retries!r}, but expected an integer of at least 0.")


def _by_hand(url, path):
    return f"Without it, download {url} by hand, on any machine, and put it at {path}"


def _get(url, path, _):
    """Download, for pooch."""
    import requests  # which pooch brings

    # The file is compressed as it is: compressed once more on the way, it would be unpacked.
    headers = {"Accept-Encoding": "identity"}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        response.raise_for_status()
        response.raw.enforce_content_length = True  # an older urllib3 takes less for all
        with open(path, "wb") as file:
            for chunk in response.iter_content(2**20):
                file.write(chunk)


def _download(url, path, checksum, n_retries, delay):
    """Bring a file to its place whole, or not at all."""
    pooch = _import_pooch()
    from requests.exceptions import RequestException

    for attempt in range(n_retries + 1):
        try:
            pooch.retrieve(url, checksum, fname=path.name, path=path.parent, downloader=_get)
            return
        except RequestException as error:
            failure = error
            if getattr(error.response, "status_code", None) in (403, 404, 410):
                raise _not_there(url, error) from error
        except ValueError as error:  # it came, and is not what was asked for
            raise _wrong_checksum(url, path, checksum, error) from error
        if attempt < n_retries:
            time.sleep(delay)
    raise ConnectionError(
        f"Could not download {url}, tried {n_retries + 1} times: {failure}. Is there a network? "
        f"{_by_hand(url, path)}; then call fetch_geo again."
    ) from failure


def _not_there(url, error):
    return ValueError(
        f"The server has no {url} (status {error.response.status_code}). Is the accession right? "
        "A series of several platforms has a file for each: look at the folder, and pass platform "
        "('GPL13534' is the 450k array, 'GPL21145' the EPIC array)."
    )


def _wrong_checksum(url, path, checksum, error):
    there = f" The file that is at {path} differs from it too." if path.exists() else ""
    return ValueError(
        f"Got checksum={checksum!r}, but {url} has another: {error}{there} Call again if the "
        "download may be damaged, or leave the checksum out if GEO has updated the study."
    )


def fetch_geo(
    accession: str,
    *,
    platform: str | None = None,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    checksum: str | None = None,
    n_retries: int = 3,
    delay: float = 1.0,
    base_url: str = GEO,
    dtype: DTypeLike = "float32",
    memmap: str | os.PathLike | None = None,
    values: str = "beta",
) -> MethylationMatrix:
    r"""Download the Series Matrix file of a study from GEO, and read it.

    The file is kept in ``data_home/geo`` and not downloaded again. One that was put there by hand
    is as good. Needs pooch for the download: ``pip install skmlp[geo]``.

    Parameters
    ----------
    accession : str
        Accession of the series, such as "GSE50660".
    platform : str, default=None
        Accession of the array, such as "GPL13534", for a series that has several: GEO keeps a
        file for each.
    data_home : str or path-like, default=None
        Folder of the downloads, by default that of :func:`sklearn.datasets.get_data_home`.
    download_if_missing : bool, default=True
        Whether to download a file that is not there; else it is an error.
    checksum : str, default=None
        SHA-256 of the compressed file. One that has another is not used. pooch prints the
        checksum of what was downloaded without.
    n_retries : int, default=3
        How often to try again, from the beginning, when the network fails.
    delay : float, default=1.0
        Seconds between tries.
    base_url : str, default="https://ftp.ncbi.nlm.nih.gov/geo/series"
        Where the folders of the series are, for a mirror.
    dtype : dtype, default="float32"
        As in :func:`read_geo_matrix`, as the two that follow.
    memmap : str or path-like, default=None
        Path for the values as a ``.npy`` file.
    values : {"beta", "M", "any"}, default="beta"
        What the file holds.

    Returns
    -------
    matrix : MethylationMatrix
        As from :func:`read_geo_matrix`: ``data``, ``cpgs``, ``samples``, ``to_frame()``.

    Raises
    ------
    ConnectionError
        If the download fails at every try. The message says what to download by hand, and where
        to put it.
    ValueError
        If the server does not have the file, if its checksum is another, or if it cannot be read.
    OSError
        If the file is missing and `download_if_missing` is False.
    ImportError
        If a download is needed and pooch is not installed.

    Examples
    --------
    A file that was put into its place by hand:

    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmlp.datasets import fetch_geo
    >>> lines = [
    ...     '!Sample_geo_accession\t"GSM1"\t"GSM2"',
    ...     '!Sample_characteristics_ch1\t"smoking: never"\t"smoking: current"',
    ...     '!series_matrix_table_begin',
    ...     '"ID_REF"\t"GSM1"\t"GSM2"',
    ...     '"cg05575921"\t0.91\t0.48',
    ...     '!series_matrix_table_end',
    ... ]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "geo", "GSE1_series_matrix.txt.gz")
    ...     path.parent.mkdir()
    ...     _ = path.write_text("\n".join(lines))
    ...     matrix = fetch_geo("GSE1", data_home=folder)
    >>> matrix.samples["smoking"].to_dict()
    {'GSM1': 'never', 'GSM2': 'current'}
    """
    _check(accession, platform, checksum, n_retries)
    stem = accession if platform is None else f"{accession}-{platform}"
    path = Path(get_data_home(data_home), "geo", f"{stem}_series_matrix.txt.gz").absolute()
    hundreds = f"GSE{accession[3:-3]}nnn"
    url = f"{base_url.rstrip('/')}/{hundreds}/{accession}/matrix/{path.name}"
    if not path.exists() and not download_if_missing:
        raise OSError(
            f"Got download_if_missing=False, but there is no {path}. {_by_hand(url, path)}."
        )
    if not path.exists() or checksum is not None:
        _download(url, path, checksum, n_retries, delay)
    return read_geo_matrix(path, dtype=dtype, memmap=memmap, values=values)
