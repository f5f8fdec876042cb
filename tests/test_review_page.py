"""The page to look through, in a real browser: its counts, a filter, flags by key and the list that is saved."""

import json
import shutil
import time

import pytest
from conftest import SAMPLES, handpose, read_results

from handpose_cli.doubt.flags import FLAGS

webdriver = pytest.importorskip("selenium.webdriver")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium or chromedriver is installed")
SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    shutil.copy(SAMPLES / "moving_hand.mp4", folder)
    shutil.copy(SAMPLES / "two_hands.jpg", folder / "<two> & more.jpg")
    (folder / "broken.jpg").write_text("no image")
    done = handpose("predict", folder, "-o", folder / "out", "--report", "--track", "--every", 3, "--views", 1)
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (
        3, f"To look through: {folder / 'out' / 'predictions.report.html'}"
    )  # fmt: skip
    return folder / "out"


@pytest.fixture(scope="module")
def browser(run, tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.add_experimental_option("prefs", {"download.default_directory": str(run / "downloads")})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.get((run / "predictions.report.html").as_uri())
    yield driver
    driver.quit()


def script(browser, code: str):
    return browser.execute_script(f"return {code}")


def texts(browser, selector: str) -> list[str]:
    return script(browser, f"[...document.querySelectorAll('{selector}')].map(e => e.innerText.trim())")


def shown(browser) -> list[str]:
    return texts(browser, ".hand:not([hidden]) .where")


def choose(browser, name: str, value: str) -> None:
    script(browser, f"(document.getElementById('{name}').value = '{value}',"
           f"document.getElementById('{name}').dispatchEvent(new Event('input')))")  # fmt: skip


def hands_of(run) -> list[tuple[str, dict]]:
    return [(entry["file"], hand) for entry in read_results(run)["files"] for hand in entry["hands"]]


def test_the_counts_are_those_of_the_results(browser, run):
    hands = hands_of(run)
    doubtful = sum("flags" in hand for _, hand in hands)
    cards = dict(reversed(text.split("\n")) for text in texts(browser, ".card"))
    cards = {name.split(" (")[0]: value for name, value in cards.items() if name != "time"}
    assert cards == {
        "hands": str(len(hands)), "images": "1", "videos": "1", "frames": "24", "hands in doubt": str(doubtful),
        "failures": "1",
    }  # fmt: skip
    assert texts(browser, "#failed td") == ["broken.jpg", "not an image (JPEG, PNG, WebP, AVIF, HEIC, GIF, JPEG 2000, "
                                            "TIFF, BMP or PNM)"]  # fmt: skip
    assert texts(browser, ".timeline figcaption") == ["moving_hand.mp4: 24 frames, 1 track"]
    assert len(shown(browser)) == len(hands) and "<two> & more.jpg, hand 0" in shown(browser)
    assert script(browser, "[...document.images].every(image => image.src.startsWith('data:image/jpeg'))")
    assert browser.get_log("browser") == []


def test_filters_leave_what_they_say(browser, run):
    hands = hands_of(run)
    choose(browser, "by-flag", "low_scores")
    assert len(shown(browser)) == sum("low_scores" in hand.get("flags", ()) for _, hand in hands) > 0
    choose(browser, "by-flag", "-")
    assert len(shown(browser)) == sum("flags" not in hand for _, hand in hands) > 0
    choose(browser, "by-flag", "")
    choose(browser, "by-side", "left")
    assert len(shown(browser)) == sum(hand["handedness"] == "left" for _, hand in hands) == 1
    assert texts(browser, "#count") == [f"1 of {len(hands)} shown"]
    choose(browser, "by-side", "")
    choose(browser, "by-score", "0.5")
    assert len(shown(browser)) == sum(hand["score"] <= 0.5 for _, hand in hands)
    choose(browser, "by-score", "1")
    assert len(shown(browser)) == len(hands)


def test_hands_are_flagged_by_key_and_the_list_is_saved(browser, run):
    keys = webdriver.Keys if hasattr(webdriver, "Keys") else webdriver.common.keys.Keys
    places = shown(browser)

    def press(*typed):
        webdriver.ActionChains(browser).send_keys(*typed).perform()

    press(keys.ARROW_RIGHT, "f", keys.ARROW_RIGHT, keys.ARROW_RIGHT, "n", "thumb <b>wrong</b>", keys.ENTER)
    press(keys.ARROW_RIGHT, "f", "f")  # flagged and not
    assert texts(browser, ".hand.flagged .where") == [places[0], places[2]]
    assert texts(browser, "#download") == ["Save the flagged list (2)"]
    browser.find_element("id", "download").click()
    saved = run / "downloads" / "flagged.json"
    for _ in range(100):
        if saved.exists():
            break
        time.sleep(0.05)
    expected = []
    for place, note in ((places[0], ""), (places[2], "thumb <b>wrong</b>")):
        file, *frame, hand = place.split(", ")
        number = int(frame[0].removeprefix("frame ")) if frame else None
        expected.append({"file": file, "frame": number, "hand": int(hand.removeprefix("hand ")), "note": note})
    assert json.loads(saved.read_text()) == expected


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_both_widths_and_follows_the_scheme(browser, width, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    longest = max(FLAGS.values(), key=len)  # a reason of other runs
    script(browser, f"document.getElementById('by-flag').add(new Option('{longest}'))")
    wide = "document.documentElement.scrollWidth"
    assert script(browser, f"{wide} <= document.documentElement.clientWidth && {wide} <= {width}")
    width, height = script(browser, "[document.images[0].clientWidth, document.images[0].clientHeight]")
    assert width == pytest.approx(height, abs=1) and width > 100  # pictures are square
    background = script(browser, "getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(250, 250, 249)", "dark": "rgb(23, 21, 19)"}[scheme]
