import functools
import gzip
import hashlib
import http.server
import sys
import threading

import pytest

from skmlp.datasets import fetch_geo

LINES = [
    '!Sample_geo_accession\t"GSM1"\t"GSM2"',
    '!Sample_characteristics_ch1\t"smoking: never"\t"smoking: current"',
    "!series_matrix_table_begin",
    '"ID_REF"\t"GSM1"\t"GSM2"',
    *[f'"cg{i:08d}"\t0.{i:04d}\t0.48' for i in range(2000)],
    "!series_matrix_table_end\n",
]
CONTENT = gzip.compress("\n".join(LINES).encode(), mtime=0)
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
PATH = "/GSE50nnn/GSE50660/matrix/GSE50660_series_matrix.txt.gz"


class Mirror(http.server.BaseHTTPRequestHandler):
    """A mirror of GEO that follows a script: what to do at each request, the last one for ever."""

    def __init__(self, script, asked, *args):
        self.script, self.asked = script, asked
        super().__init__(*args)

    def do_GET(self):
        self.asked.append(self.path)
        action = self.script[min(len(self.asked), len(self.script)) - 1]
        known = self.path in (PATH, PATH.replace("_series", "-GPL13534_series"))
        if not known or isinstance(action, int):
            self.send_error(404 if not known else action)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2] if action == "hang up" else CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(monkeypatch):
    """Give a function that starts a mirror: its address, and the list of what it was asked."""
    pytest.importorskip("pooch")
    monkeypatch.setenv("NO_PROXY", "*")
    servers = []

    def start(*script):
        asked = []
        handler = functools.partial(Mirror, script, asked)
        server = http.server.HTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{server.server_port}", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def fetch(tmp_path):
    return functools.partial(fetch_geo, data_home=tmp_path, delay=0)


def kept(tmp_path):
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("checksum", [None, CHECKSUM, f"sha256:{CHECKSUM}"])
def test_a_study_is_downloaded_once(tmp_path, mirror, fetch, checksum):
    url, asked = mirror("send")
    for _ in range(2):
        matrix = fetch("GSE50660", base_url=f"{url}/", checksum=checksum)
        assert matrix.data.shape == (2, 2000)
        assert matrix.samples["smoking"].tolist() == ["never", "current"]
    assert asked == [PATH]
    assert kept(tmp_path) == ["GSE50660_series_matrix.txt.gz"]


def test_a_platform_has_its_own_file(tmp_path, mirror, fetch):
    url, _ = mirror("send")
    fetch("GSE50660", platform="GPL13534", base_url=url)
    assert kept(tmp_path) == ["GSE50660-GPL13534_series_matrix.txt.gz"]


@pytest.mark.parametrize(
    ("accession", "folder"),
    [("GSE1", "GSEnnn"), ("GSE123456", "GSE123nnn"), ("GSE1234", "GSE1nnn")],
)
def test_the_folder_of_a_series(mirror, fetch, accession, folder):
    url, asked = mirror("send")
    with pytest.raises(ValueError, match="404"):
        fetch(accession, base_url=url)
    assert asked == [f"/{folder}/{accession}/matrix/{accession}_series_matrix.txt.gz"]


@pytest.mark.parametrize("checksum", [None, CHECKSUM])
@pytest.mark.parametrize("trouble", ["hang up", 503])
def test_an_interrupted_download_begins_anew(tmp_path, mirror, fetch, trouble, checksum):
    url, asked = mirror(trouble, trouble, "send")
    assert fetch("GSE50660", base_url=url, checksum=checksum).data.shape == (2, 2000)
    assert len(asked) == 3
    assert kept(tmp_path) == ["GSE50660_series_matrix.txt.gz"]


@pytest.mark.parametrize("trouble", ["hang up", 503])
def test_it_gives_up_and_keeps_nothing(tmp_path, mirror, fetch, trouble):
    url, asked = mirror(trouble)
    with pytest.raises(ConnectionError, match=r"Could not download .*, tried 3 times"):
        fetch("GSE50660", base_url=url, n_retries=2)
    assert len(asked) == 3
    assert kept(tmp_path) == []


def test_without_a_network_it_says_what_to_do(tmp_path, fetch, monkeypatch):
    pytest.importorskip("pooch")
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(ConnectionError) as caught:
        fetch("GSE50660", base_url="http://127.0.0.1:9", n_retries=1)
    message = str(caught.value)
    place = tmp_path / "geo" / "GSE50660_series_matrix.txt.gz"
    assert "Is there a network?" in message
    assert f"download http://127.0.0.1:9{PATH} by hand" in message
    assert f"put it at {place}" in message
    place.write_bytes(CONTENT)
    assert fetch("GSE50660", base_url="http://127.0.0.1:9").data.shape == (2, 2000)


def test_a_wrong_checksum_is_refused(tmp_path, mirror, fetch):
    url, asked = mirror("send")
    wrong = "0" * 64
    with pytest.raises(
        ValueError, match=rf"Got checksum='{wrong}', but .* has another: .*{CHECKSUM}"
    ):
        fetch("GSE50660", base_url=url, checksum=wrong)
    assert len(asked) == 1
    assert kept(tmp_path) == []


def test_a_file_with_another_checksum_is_replaced(tmp_path, mirror, fetch):
    url, _ = mirror("send")
    place = tmp_path / "geo" / "GSE50660_series_matrix.txt.gz"
    place.parent.mkdir()
    place.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"The file that is at .* differs from it too"):
        fetch("GSE50660", base_url=url, checksum="0" * 64)
    assert fetch("GSE50660", base_url=url, checksum=CHECKSUM).data.shape == (2, 2000)
    assert place.read_bytes() == CONTENT


def test_a_damaged_file_names_its_place(tmp_path, fetch):
    place = tmp_path / "geo" / "GSE50660_series_matrix.txt.gz"
    place.parent.mkdir()
    place.write_bytes(CONTENT[:-100])
    with pytest.raises(ValueError, match=rf"{place}: the compressed file is cut short.*Remove it"):
        fetch("GSE50660")


def test_a_study_that_is_not_there(tmp_path, mirror, fetch):
    url, asked = mirror("send")
    with pytest.raises(ValueError, match=r"status 404\)\. Is the accession right\?.*pass platform"):
        fetch("GSE50661", base_url=url)
    assert len(asked) == 1  # to ask again would not help
    assert kept(tmp_path) == []


def test_no_download_unless_wanted(tmp_path, fetch):
    with pytest.raises(OSError, match=r"Got download_if_missing=False, but there is no .*by hand"):
        fetch("GSE50660", download_if_missing=False)


def test_without_pooch(fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'pip install "skmlp\[geo\]"'):
        fetch("GSE50660")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accession": "GSM1"}, "Got accession='GSM1', but expected that of a series"),
        ({"accession": "../GSE1"}, "Got accession="),
        ({"platform": "450k"}, "Got platform='450k'"),
        ({"checksum": "abc"}, "Got checksum='abc', but expected the SHA-256"),
        ({"n_retries": -1}, "Got n_retries=-1"),
    ],
)
def test_settings_are_checked(fetch, settings, message):
    with pytest.raises(ValueError, match=message):
        fetch(**{"accession": "GSE1", **settings})
