"""A page that lives in one file: what it computes, and what it does in a browser."""

import json
import re
import shutil
import struct
import subprocess
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from skmlp import MLPClassifier
from skmlp.export import _html, describe, to_html
from tests.export.cases import CASES, FRAME, X, agree, case, fitted, rows_of

pytestmark = pytest.mark.filterwarnings("ignore:Skipping features without any observed values")

SHEET = "return [...document.querySelectorAll('#outputs .unit')].map((row) => +row.dataset.value)"


# --- the scripts, without a page --------------------------------------------------------------


def node(code, given):
    """Run the page's pure functions on what is given; return what the code makes of it."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("needs node, which is not here")
    pieces = [_html._piece(name) for name in ("network.js", "digits.js", "sources.js")]
    read = "const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
    write = "process.stdout.write(JSON.stringify((() => {" + code + "})()));"
    run = subprocess.run(
        [program, "-e", "\n".join([*pieces, read, write])],
        input=json.dumps(given),
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def plain(row):
    """Return the values of a row, None where one is missing."""
    values = row.values() if isinstance(row, dict) else row
    return [None if pd.isna(value) else value for value in values]


@pytest.fixture(scope="module")
def computed():
    """Values and predictions of all cases, in float32 and float64, by one run of node."""
    given = {}
    for name in CASES:
        model, odd = case(name)
        description = describe(model)
        given[name] = {
            "rows": [plain(row) for row in rows_of(odd)],
            **{
                dtype: json.loads(_html._json(description, dtype))
                for dtype in ("float32", "float64")
            },
        }
    return node(
        """
        const found = {};
        for (const [name, one] of Object.entries(given)) {
          for (const dtype of ["float32", "float64"]) {
            const description = unpacked(one[dtype]);
            const values = one.rows.map((row) => forward(description, row).values);
            found[`${name}, ${dtype}`] = {
              values: values.map((row) => Array.from(row)),
              predicted: values.map((row) => predicted(description, row)),
            };
          }
        }
        return found;
        """,
        given,
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@pytest.mark.parametrize("name", CASES)
def test_the_page_predicts_the_same(computed, name, dtype, tolerance):
    model, odd = case(name)
    found = computed[f"{name}, {dtype}"]
    if name == "float32":  # the fit's own arithmetic
        tolerance = 1e-5
    predictions = model.predict(odd)
    if hasattr(model, "predict_proba"):
        chances = model.predict_proba(odd)
        several = isinstance(chances, list)
        agree(found["values"], np.hstack(chances) if several else chances, tolerance=tolerance)
        assert np.ravel(found["predicted"]).tolist() == np.ravel(predictions).tolist()
    else:
        agree(np.ravel(found["predicted"]), np.ravel(predictions), tolerance=tolerance)


def test_infinity_and_what_may_not_be_missing_are_refused():
    model, _ = case("no standardisation")
    description = json.loads(_html._json(describe(model), "float64"))
    description["inputs"][0]["missing"] = False
    said = node(
        """
        const description = unpacked(given);
        return [[null, 1, 1, 1], [1, Infinity, 1, 1]].map((row) => {
          try { return forward(description, row); } catch (error) { return error.message; }
        });
        """,
        description,
    )
    assert "x0: got null, but expected a finite number" in said[0]
    assert "x1: got Infinity" in said[1]


@pytest.mark.parametrize(
    "name", ["frame", "ple", "gaps", "sharing, embedded", "categories by position"]
)
def test_a_unit_adds_up_what_its_inputs_pull(name):
    model, odd = case(name)
    description = json.loads(_html._json(describe(model), "float64"))
    pulled, sums = node(
        """
        const description = unpacked(given.description);
        const first = description.networks[0].layers.find((op) => op.op === "dense");
        const x = forward(description, given.row).inner[0];
        const n = description.inputs.length;
        const each = pulls(first, 0, x, sourcesOf(description), n);
        return [each.reduce((a, b) => a + b, first.bias[0]), OPS.dense(first, x)[0]];
        """,
        {"description": description, "row": plain(rows_of(odd)[5])},
    )
    assert pulled == pytest.approx(sums, rel=1e-12)


# --- drawings ---------------------------------------------------------------------------------


def framed(drawing, shape, frame):
    height, width = drawing.shape
    given = [drawing.ravel().tolist(), width, height, shape, frame]
    return np.array(node("return Array.from(framed(...given));", given)).reshape(shape)


def slanted(rng, n, height, width, size):
    """Return drawings of one size, slanted at random, their mass in the middle."""
    images = np.zeros((n, height, width))
    for image in images:
        ink = np.rot90(np.triu(rng.random((size, size))), rng.integers(4))
        y, x = (round(at - c) for at, c in zip((height / 2, width / 2), mass_of(ink), strict=True))
        image[y : y + size, x : x + size] = ink
    return images


def mass_of(ink):
    return [(ink.sum(axis=1 - a) @ (np.arange(ink.shape[a]) + 0.5)) / ink.sum() for a in (0, 1)]


def test_data_tell_where_drawings_belong(rng):
    images = slanted(rng, 40, 28, 26, 18)
    frame = _html._measured(images)
    assert (frame["box"], frame["by"]) == (18, "mass")
    assert frame["at"] == pytest.approx([14, 13], abs=0.2)
    frame["at"] = [14, 13]  # where they were placed
    for image in images[:3]:  # ten times as large, and elsewhere, each is the same image again
        large = np.roll(np.kron(image, np.ones((10, 10))), (-11, 7), axis=(0, 1))
        assert np.abs(framed(large, [28, 26], frame) - image).max() < 1e-6


def test_edges_decide_where_they_vary_less():
    images = load_digits().images / 16
    frame = _html._measured(images)
    assert (frame["box"], frame["by"]) == (8, "box")


def test_drawings_of_all_sizes_are_left_as_they_are(rng):
    images = np.concatenate([slanted(rng, 5, 20, 20, size) for size in (5, 10, 15)])
    assert _html._measured(images) is None
    large = np.kron(images[0], np.ones((3, 3)))
    assert np.abs(framed(large, [20, 20], None) - images[0]).max() < 1e-6


def test_a_small_drawing_grows_and_keeps_its_shape():
    drawing = np.zeros((280, 280))
    drawing[30:90, 40:60] = 1
    image = framed(drawing, [28, 28], {"box": 20, "by": "mass", "at": [14, 14]})
    inked = np.argwhere(image > 0)
    assert (np.ptp(inked, axis=0) + 1).tolist() == [20, 7]
    assert mass_of(image) == pytest.approx([14, 14], abs=0.5)


def test_nothing_drawn_is_no_ink():
    assert framed(np.zeros((28, 28)), [8, 8], {"box": 8, "by": "box", "at": [4, 4]}).sum() == 0


def test_ink_is_what_differs_from_the_paper(rng):
    digit = np.zeros((20, 20))
    digit[5:15, 8:12] = 1
    noise = rng.uniform(-0.02, 0.02, (20, 20))
    for grey in (digit, 0.9 - 0.8 * digit, 0.8 - 0.5 * digit + noise):
        found = node("return Array.from(inkOf(given.flat(), 20, 20));", grey.tolist())
        assert (np.reshape(found, (20, 20)) > 0.3).tolist() == (digit > 0).tolist()
        assert max(found) == 1


# --- the file ---------------------------------------------------------------------------------


def test_the_page_is_one_file_that_asks_for_nothing(tmp_path):
    model, odd = case("frame")
    text = to_html(model, tmp_path / "page.html", data=FRAME)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == text
    assert "default-src 'none'; script-src 'unsafe-inline'" in text
    assert not re.search(r"https?://|@import|url\(|<script src|<link (?!rel=\"icon\")", text)


def test_words_cannot_break_the_page():
    frame = pd.DataFrame({"a": ["</script><b>", "$title", "{x}"] * 4})
    model = fitted(MLPClassifier((2,), n_estimators=1, max_iter=1), frame, ["<!--", "b", "c"] * 4)
    text = to_html(model, title="</title><i>", description="<b>&", target="</script>")
    assert text.count("</script>") == 2
    assert "<title>&lt;/title&gt;&lt;i&gt;</title>" in text
    assert "<p>&lt;b&gt;&amp;</p>" in text
    given = re.search(r'id="model">(.*?)</script>', text, re.S).group(1)
    found = json.loads(given)
    assert set(found["description"]["inputs"][0]["categories"]) == set(frame["a"])


def test_training_rows_stay_out_of_an_image_page():
    images = np.zeros((50, 4, 4))
    images[:, 1:3, 1:3] = np.random.default_rng(0).uniform(0.123, 1.0, (50, 2, 2))
    rows = images.reshape(50, 16)
    model = fitted(MLPClassifier((3,), n_estimators=1, max_iter=1), rows, np.arange(50) % 2)
    text = to_html(model, data=rows, image_shape=(4, 4))
    found = json.loads(re.search(r'id="model">(.*?)</script>', text, re.S).group(1))
    assert all(given["statistics"] == {} for given in found["description"]["inputs"])
    assert found["face"]["image"]["range"] == [0, images.max()]
    assert found["face"]["examples"] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dtype": "float16"}, "dtype='float16', but expected 'float32' or 'float64'"),
        ({"units": {"agee": "years"}}, r"units of \['agee'\], but only \['x0'"),
        ({"target": ["a", "b"]}, "but the model predicts 1"),
        ({"examples": X[:, :2]}, "examples with 2 columns, but the model was fitted to 4"),
        ({"image_shape": (2, 3)}, r"image_shape=\(2, 3\), but the model was fitted to 4 inputs"),
        ({"image_shape": (2, 2)}, "without data or value_range"),
        ({"image_shape": (2, 2), "value_range": (1, 1)}, "which must differ"),
        ({"image_shape": (2, 2), "preprocess": "centre"}, "preprocess='centre'"),
    ],
)
def test_what_does_not_fit_is_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        to_html(case("binary")[0], **settings)


def test_categories_are_no_pixels():
    with pytest.raises(ValueError, match="pixels are numbers"):
        to_html(case("categories by position")[0], image_shape=(2, 2), value_range=(0, 1))


# --- in a browser -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser without a window."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs Chromium and chromedriver, which are not here")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (
        *("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"),
        *("disable-background-networking", "disable-component-update", "disable-sync"),
        *(
            "force-prefers-reduced-motion",
            "window-size=1280,1200",
            f"user-data-dir={tmp_path_factory.mktemp('browser')}",
        ),
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service(executable_path=driver)
    window = webdriver.Chrome(options=options, service=service)
    yield window
    window.quit()


@pytest.fixture
def visit(browser, tmp_path):
    """Open a page and, in the end, see that it made no complaint and no request."""

    def opened(model, **settings):
        path = tmp_path / "page.html"
        assert len(to_html(model, path, **settings)) < 2e6
        browser.get(path.as_uri())
        settle(browser)
        return browser

    browser.get_log("browser"), browser.get_log("performance")
    yield opened
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]
    assert asked
    assert {url.split(":")[0] for url in asked} <= {
        "file",
        "data",
        "chrome",
    }  # the last is its own empty page


def settle(browser):
    """Compute and draw at once."""
    browser.execute_script("skmlp.frame()")


def shown(browser):
    """Return the raw values that the page feeds the network, and what its rows of outputs show."""
    settle(browser)
    values = browser.execute_script("return Array.from(skmlp.values())")
    return values, browser.execute_script(SHEET)


def upload(browser, path):
    """Give the page a picture, and wait until it has read it."""
    browser.find_element("id", "file").send_keys(str(path))
    end = time.monotonic() + 10
    while browser.execute_script("return document.getElementById('file').value"):
        assert time.monotonic() < end, "the page did not read the picture"


def png(image):
    """Return a picture (height, width) of bytes in grey as a PNG file."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width = image.shape
    lines = b"".join(b"\0" + line.tobytes() for line in image.astype(np.uint8))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


@pytest.fixture(scope="module")
def reader():
    """Read scikit-learn's digits."""
    images, labels = load_digits(return_X_y=True)
    settings = {"n_estimators": 1, "max_iter": 12, "early_stopping": False, "random_state": 0}
    return fitted(MLPClassifier((32,), **settings), images, labels), images, labels


def test_a_digit_is_drawn_by_pointer_and_by_keys(reader, visit):
    from selenium.webdriver import ActionChains, Keys

    model, images, _ = reader
    browser = visit(model, data=images, image_shape=(8, 8))
    sheet = browser.find_element("css selector", ".sheet canvas")
    ring = [(round(45 * np.sin(a)), round(-80 * np.cos(a))) for a in np.linspace(0, 2 * np.pi, 13)]
    pen = ActionChains(browser, duration=0).move_to_element_with_offset(sheet, *ring[0])
    pen.click_and_hold()
    for place in ring[1:]:
        pen.move_to_element_with_offset(sheet, *place)
    pen.release().perform()
    values, chances = shown(browser)
    assert 12 < max(values) <= 16
    agree([chances], model.predict_proba([values]), tolerance=1e-5)
    assert chances[0] > 0.9
    assert browser.find_element("css selector", "#verdict strong").text == "0"
    browser.execute_script("arguments[0].focus()", sheet)
    ActionChains(browser).send_keys("c").perform()
    assert max(shown(browser)[0]) == 0
    keys = [" ", *[Keys.ARROW_RIGHT] * 5, " ", *[Keys.ARROW_DOWN] * 5]
    ActionChains(browser).send_keys(*keys).perform()
    values, chances = shown(browser)
    rows, columns = np.nonzero(np.reshape(values, (8, 8)))
    assert np.ptp(columns) > 2 * np.ptp(rows)  # a stroke, and none where the pen was up
    agree([chances], model.predict_proba([values]), tolerance=1e-5)


def test_pictures_are_read_from_files(reader, visit, tmp_path):
    model, images, labels = reader
    browser = visit(model, data=images, image_shape=(8, 8), examples=images[:3])
    assert shown(browser)[0] == images[0].tolist()
    browser.find_elements("css selector", ".examples button")[2].click()
    assert shown(browser)[0] == images[2].tolist()
    path, right = tmp_path / "digit.png", 0
    for row, label in zip(images[3:23], labels[3:23], strict=True):
        path.write_bytes(png(row.reshape(8, 8) * 255 / 16))
        upload(browser, path)
        values, chances = shown(browser)
        agree([chances], model.predict_proba([values]), tolerance=1e-5)
        right += np.argmax(chances) == label
    assert right >= 18
    path.write_bytes(b"no picture")
    upload(browser, path)
    assert "not a picture" in browser.find_element("class name", "trouble").text


def test_controls_change_the_prediction(visit):
    from selenium.webdriver import Keys
    from selenium.webdriver.support.ui import Select

    model, _ = case("frame")
    browser = visit(model, data=FRAME, units={"age": "years"}, target="letter")

    def check():
        values, chances = shown(browser)
        row = pd.DataFrame([values], columns=FRAME.columns).astype({"age": float, "width": float})
        agree([chances], model.predict_proba(row), tolerance=1e-5)
        return values, chances

    values, chances = check()
    assert values[0] == FRAME["age"].median()
    slider = browser.find_element("css selector", "input[type=range][aria-label=age]")
    slider.send_keys(Keys.ARROW_RIGHT * 9)
    moved, other = check()
    assert moved[0] > values[0]
    assert other != chances
    Select(browser.find_element("id", "input-2")).select_by_visible_text("smith")
    assert check()[0][2] == "smith"
    Select(browser.find_element("id", "input-4")).select_by_visible_text("missing or other")
    assert check()[0][4] is None
    browser.find_element("css selector", "[aria-label='age missing']").click()
    assert check()[0][0] is None
    box = browser.find_element("id", "input-0")
    box.send_keys("41.5")
    assert check()[0][0] == 41.5
    box.send_keys("e")
    assert box.get_attribute("aria-invalid") == "true"
    assert check()[0][0] == 41.5


def test_units_are_reached_by_keys(visit):
    from selenium.webdriver import ActionChains, Keys

    model, _ = case("frame")
    browser = visit(model, data=FRAME)
    reachable = browser.find_elements("css selector", ".unit[tabindex='0']")
    assert [unit.get_attribute("aria-label") for unit in reachable] == ["age"]
    browser.execute_script("arguments[0].focus()", reachable[0])
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT).perform()
    label = browser.switch_to.active_element.get_attribute("aria-label")
    assert re.match(r"Hidden layer 1, unit \d\. Passes on ", label)
    heading = "return document.querySelector('#unit h2').textContent"
    assert browser.execute_script(heading) == label.split(".")[0]
    assert len(browser.find_elements("css selector", ".pulls li")) == 6
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform()
    assert browser.switch_to.active_element.text[0] in "pqr"


@pytest.mark.parametrize("name", ["labels", "several outputs", "quantiles", "spread of two"])
def test_all_kinds_of_predictions_are_shown(visit, name):
    model, _ = case(name)
    browser = visit(model, data=X)
    values, found = shown(browser)
    if hasattr(model, "predict_proba"):
        chances = model.predict_proba([values])
        agree([found], np.hstack(chances) if name != "labels" else chances, tolerance=1e-5)
    else:
        agree([found], model.predict([values]), tolerance=1e-5)
        intervals = browser.find_elements("class name", "interval")
        assert all(re.search(r"70\u2009%: \S+ to|\u00b1 ", one.text) for one in intervals)


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_window(visit, width):
    model, _ = case("frame")
    browser = visit(model, data=FRAME)
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    sizes = "const { scrollWidth, clientWidth } = document.documentElement;"
    found = browser.execute_script(sizes + "return [innerWidth, scrollWidth - clientWidth]")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert found == [width, 0]


@pytest.mark.speed
def test_sixty_frames_a_second(browser, tmp_path, rng):
    images = rng.random((40, 784)) * (rng.random((40, 784)) < 0.2)
    settings = {"n_estimators": 1, "max_iter": 1, "standardize": False, "random_state": 0}
    model = fitted(MLPClassifier((64, 32), **settings), images, np.arange(40) % 10)
    to_html(model, tmp_path / "page.html", data=images, image_shape=(28, 28), examples=images[:1])
    moving = {"features": [{"name": "prefers-reduced-motion", "value": "no-preference"}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", moving)
    browser.get((tmp_path / "page.html").as_uri())
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds():  # of the processor: the clock's would count those that others had it
        metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    before = seconds()
    opened = browser.execute_script(
        """
        const sheet = document.querySelector("#drawing canvas").getContext("2d");
        for (let i = 0; i < 120; i++) {
          skmlp.frame();
          sheet.getImageData(0, 0, 1, 1); // waits until all of it is painted
        }
        return performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd;
        """
    )
    each = (seconds() - before) / 120 * 1000
    browser.execute_cdp_cmd("Performance.disable", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    print(f"{each:.1f} ms a frame, open after {opened:.0f} ms")
    assert each < 16


@pytest.mark.quality
def test_digits_of_mnist_are_read_from_files(shared_data, visit, tmp_path):
    with np.load(shared_data("digits/mnist_train.npz")) as file:
        images, labels = file["X"], file["y"].astype(int)
    rows = images.reshape(len(images), -1).astype(np.float32) / 255
    model = MLPClassifier(
        (64, 32),
        n_estimators=1,
        max_iter=15,
        batch_size=128,
        parametrization="standard",
        input_scaling=False,
        weight_init="narrow",
        averaging=None,
        weight_decay=None,
        beta_2=0.999,
        learning_rate="one_cycle",
        learning_rate_init=0.005,
        early_stopping=False,
        standardize=False,
        dtype="float32",
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(rows[:50_000], labels[:50_000])
    held_out = model.score(rows[50_000:], labels[50_000:])
    browser = visit(model, data=rows[:2000], image_shape=(28, 28))
    path, right, n = Path(tmp_path / "digit.png"), 0, 400
    for image, label in zip(images[50_000 : 50_000 + n], labels[50_000:], strict=False):
        path.write_bytes(png(image))
        upload(browser, path)
        right += np.argmax(shown(browser)[1]) == label
    print(f"held out {held_out:.2%}; in the page, from files, {right / n:.2%} of {n}")
    assert held_out > 0.975
    assert right / n > 0.97
