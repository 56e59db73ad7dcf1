"""The demo's map as a person meets it: Debian's Chromium opens the file with the network off, clicks, taps and types.

Sizes, colours and clicks are a real browser's; skipped where chromium or chromedriver is missing.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from fusion.demo import sample_photo
from fusion.locator import Locator
from tests.fusion.chromium import started

DESKTOP, PHONE = (1280, 800), (390, 844)
both_sizes = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])

# The least contrast of any text on the page with what lies under it, as WCAG 2 counts it, and whose text that is. Names
# on the map are drawn on a rim in the colour --halo.
CONTRAST = """
const channel = (x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
const brightness = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const probe = document.createElement("i");
probe.style.color = "var(--halo)";
document.body.append(probe);
const halo = numbers(getComputedStyle(probe).color);
probe.remove();
let least = [99, "no text at all"], seen = 0;
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
while (texts.nextNode()) {
  const node = texts.currentNode.parentElement, style = getComputedStyle(node), text = texts.currentNode.data.trim();
  range.selectNodeContents(texts.currentNode);
  const frame = range.getClientRects()[0];
  if (!text || !frame || frame.width < 2 || node.closest("script, style, noscript")) continue;
  let under = node.closest(".map-label") ? halo : null;
  if (!under) {
    const stack = document.elementsFromPoint(frame.x + frame.width / 2, frame.y + frame.height / 2);
    const from = stack.findIndex((n) => n.contains(node));
    if (from < 0) continue; // out of the window or hidden by something else
    under = stack.slice(from).map((n) => numbers(getComputedStyle(n).backgroundColor))
      .find((c) => c.length === 3 || c[3] > 0.8) || [255, 255, 255];
  }
  const [a, b] = [brightness(numbers(style.color)), brightness(under)];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  seen += 1;
  if (contrast < least[0]) least = [contrast, text.slice(0, 60)];
}
return [...least, seen];
"""
# How many pixels of the clues' own layer of the map are painted, and how many of those lie near the answer's point.
PAINTED = """
const layer = document.querySelector(".leaflet-clue-pane canvas"), frame = layer.getBoundingClientRect();
const copy = document.createElement("canvas"); // reading the page's own again and again would draw a warning
[copy.width, copy.height] = [layer.width, layer.height];
const context = copy.getContext("2d");
context.drawImage(layer, 0, 0);
const bytes = context.getImageData(0, 0, copy.width, copy.height).data;
const spot = document.querySelector(".answer-point[tabindex]").getBoundingClientRect();
const scale = layer.width / frame.width, left = frame.x - spot.x - 8, top_ = frame.y - spot.y - 8;
const dark = matchMedia("(prefers-color-scheme: dark)").matches, wanted = dark ? [255, 122, 184] : [179, 0, 94];
let all = 0, near = 0;
for (let i = 0; i < bytes.length; i += 4) {
  if (bytes[i + 3] < 60 || wanted.some((x, k) => Math.abs(bytes[i + k] - x) > 12)) continue;
  const x = ((i / 4) % copy.width) / scale + left, y = Math.floor(i / 4 / copy.width) / scale + top_;
  all += 1;
  near += Math.abs(x) < 12 && Math.abs(y) < 12;
}
return [all, near];
"""


@dataclass(frozen=True)
class Reader:
    """A person before the page: what they can do and see. ``data`` is what the page was given."""

    driver: Chrome
    data: dict[str, Any]
    finger: bool

    def one(self, css: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def all(self, css: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def script(self, code: str, *args: object) -> Any:
        return self.driver.execute_script(code, *args)

    def press(self, element: WebElement, dx: int = 0, dy: int = 0) -> None:
        """Clicks or taps, (dx, dy) pixels from the element's middle, whatever lies on top there."""
        self.until(self.at_rest, "the map comes to rest")
        self.script("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", element)
        kind = interaction.POINTER_TOUCH if self.finger else interaction.POINTER_MOUSE
        chain = ActionChains(self.driver, duration=50)
        chain.w3c_actions.pointer_action.source = PointerInput(kind, kind)
        chain.w3c_actions.devices[0] = chain.w3c_actions.pointer_action.source
        chain.move_to_element_with_offset(element, dx, dy).click().perform()

    def at_rest(self) -> bool:
        """Whether the map neither flies nor glides."""
        code = """
          const done = arguments[0], pane = document.querySelector(".leaflet-map-pane");
          const now = () => pane.style.transform + document.querySelector(".leaflet-control-scale").innerHTML;
          const before = now();
          if (document.querySelector(".leaflet-pan-anim, .leaflet-zoom-anim")) done(false);
          else setTimeout(() => done(now() === before), 60);
        """
        return bool(self.driver.execute_async_script(code))

    def type(self, *keys: str) -> None:
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def tab_to(self, element: WebElement) -> None:
        for _ in range(60):
            if self.driver.switch_to.active_element == element:
                return
            self.type(Keys.TAB)
        pytest.fail(f"Tab never reaches {element.get_attribute('outerHTML')}")

    def until(self, true: Callable[[], object], what: str) -> None:
        WebDriverWait(self.driver, 15, poll_frequency=0.05).until(lambda _: true(), what)

    def card(self) -> str:
        """What the card of a cell says, once it has faded in: until then it has no text that can be seen."""
        css = ".leaflet-popup-content .cell-card"
        self.until(lambda: any(card.text for card in self.all(css)), "the card opens")
        return self.one(css).text

    def scale_km(self) -> float:
        """What the map's scale bar says: the farther out, the more."""
        number, unit = self.one(".leaflet-control-scale-line").text.split()
        return float(number) / (1000 if unit == "m" else 1)

    def width_km(self) -> float:
        """How wide the map's frame is."""
        bar, frame = self.one(".leaflet-control-scale-line").rect, self.one("#map").rect
        return self.scale_km() * float(frame["width"]) / float(bar["width"])

    def inside_map(self, css: str) -> bool:
        """Whether the element lies whole in the map's frame."""
        code = """
          const [a, b] = [arguments[0], "#map"].map((css) => document.querySelector(css)?.getBoundingClientRect());
          return Boolean(a) && a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
        """
        return bool(self.script(code, css))

    def classes(self, css: str) -> list[list[str]]:
        code = "return [...document.querySelectorAll(arguments[0])].map((n) => [...n.classList])"
        found: list[list[str]] = self.script(code, css)
        return found

    def names_behind_buttons(self) -> list[str]:
        """Names on the map that a button covers."""
        code = """
          const frame = (n) => n.getBoundingClientRect(), by = 3; // a name's rim may be touched
          const controls = [...document.querySelectorAll(".map-buttons button, .leaflet-control")].map(frame);
          return [...document.querySelectorAll(".map-label")].filter((name) => controls.some((c) => {
            const r = frame(name);
            return c.left < r.right - by && r.left + by < c.right && c.top < r.bottom - by && r.top + by < c.bottom;
          })).map((name) => name.textContent);
        """
        found: list[str] = self.script(code)
        return found

    def lit(self) -> list[int]:
        """The clues that are marked as chosen in the photo and in the ledger, each place checked against the others."""
        by_place = [
            [i for i, names in enumerate(self.classes(css)) if "on" in names]
            for css in ("#photo-frame polygon.box", "#photo-frame .tag", "#ledger tbody tr", "#ledger .tag")
        ]
        boxed = [i for i, clue in enumerate(self.data["clues"]) if clue["box"]]
        rows = [row["clue"] for row in self.data["ledger"]]
        named = [[boxed[i] for i in found] for found in by_place[:2]] + [
            [rows[i] for i in found] for found in by_place[2:]
        ]
        assert named[0] == named[1] and named[2] == named[3], named
        assert not named[2] or not self.data["clues"][named[2][0]]["box"] or named[0] == named[2], named
        return named[2]


@pytest.fixture(scope="module")
def demo_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Locator(offline=True).locate(sample_photo()).save_map(tmp_path_factory.mktemp("map") / "map.html")


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    yield from started(tmp_path_factory.mktemp("profile"))


@pytest.fixture
def size() -> tuple[int, int]:
    return DESKTOP


@pytest.fixture
def scheme() -> str:
    return "light"


@pytest.fixture
def motion() -> str:
    return "reduce"


@pytest.fixture
def reader(chrome: Chrome, demo_map: Path, size: tuple[int, int], scheme: str, motion: str) -> Iterator[Reader]:
    phone = size == PHONE
    chrome.get("about:blank")  # away from the browser's own start page before its requests are counted
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
    features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
    chrome.execute_cdp_cmd("Network.enable", {})
    commands: dict[str, dict[str, Any]] = {
        "Network.emulateNetworkConditions": {
            "offline": True,
            "latency": 0,
            "downloadThroughput": 0,
            "uploadThroughput": 0,
        },
        "Emulation.setDeviceMetricsOverride": metrics,
        "Emulation.setTouchEmulationEnabled": {"enabled": phone},
        "Emulation.setEmulatedMedia": {"features": [{"name": k, "value": v} for k, v in features.items()]},
    }
    for command, parameters in commands.items():
        chrome.execute_cdp_cmd(command, parameters)
    for log in ("browser", "performance"):
        chrome.get_log(log)
    chrome.get(demo_map.as_uri())
    data = json.loads(chrome.execute_script("return document.getElementById('data').textContent"))
    yield Reader(chrome, data, finger=phone)
    # Whatever was done to it, the page complains of nothing and asks for nothing.
    problems = chrome.execute_script("return document.documentElement.dataset.problem || null")
    assert problems is None and chrome.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in chrome.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert demo_map.as_uri() in asked and all(re.match("data:|blob:", url) for url in asked if url != demo_map.as_uri())


@both_sizes
def test_the_map_opens_whole_and_nothing_sticks_out(reader: Reader, size: tuple[int, int]) -> None:
    assert reader.script("return document.documentElement.dataset.state") == "ready"
    assert reader.script("return [innerWidth, document.documentElement.scrollWidth <= innerWidth]") == [size[0], True]
    outside = """
      return [...document.querySelectorAll("body *")].filter((node) => {
        const frame = node.getBoundingClientRect();
        const clipped = node.closest(".map-frame, svg"); // these cut off what they show
        return !clipped && frame.width > 0 && (frame.right > innerWidth + 0.5 || frame.left < -0.5);
      }).map((node) => node.outerHTML.slice(0, 90));
    """
    assert reader.script(outside) == []
    assert reader.one("#picture").get_property("naturalWidth") > 0
    assert "Spain" in reader.one(".summary").text


@both_sizes
def test_a_clue_in_the_photo_lights_up_and_shows_where_it_points(reader: Reader) -> None:
    clues = reader.data["clues"]
    boxed = [i for i, clue in enumerate(clues) if clue["box"]]
    boxes = reader.all("#photo-frame polygon.box")
    assert reader.lit() == [] and reader.script(PAINTED) == [0, 0]

    wide = max(range(len(boxes)), key=lambda i: float(boxes[i].size["height"]))
    reader.press(boxes[wide])
    assert reader.lit() == [boxed[wide]] and clues[boxed[wide]]["text"] in reader.one("#chosen").text

    madrid = next(i for i in boxed if clues[i]["text"] == "MADRID")
    reader.press(reader.all("#photo-frame .tag")[boxed.index(madrid)])
    assert reader.lit() == [madrid]
    said = reader.one("#chosen").text
    assert "MADRID" in said and f"{len(clues[madrid]['points'])} places" in said
    painted, near = reader.script(PAINTED)
    assert near > 100, "one of the places called Madrid is the answer's"
    assert painted > 3 * near, "the others are shown too"
    assert reader.scale_km() >= 1000, "all of them are in view"


@both_sizes
def test_a_row_of_the_ledger_is_chosen_and_left_again(reader: Reader) -> None:
    row = next(i for i, r in enumerate(reader.data["ledger"]) if reader.data["clues"][r["clue"]]["kind"] == "language")
    index = reader.data["ledger"][row]["clue"]
    reader.press(reader.all("#ledger tbody tr")[row], dy=-4)
    assert reader.lit() == [index]
    assert "Mexico" in reader.one("#chosen").text and reader.script(PAINTED)[0] > 1000, "outlines of countries"
    opened = reader.scale_km()
    reader.press(reader.one("#chosen button"))
    assert reader.lit() == [] and reader.script(PAINTED) == [0, 0] and reader.scale_km() < opened
    label = reader.driver.switch_to.active_element.get_attribute("aria-label")
    assert label is not None and label.startswith(f"Clue {index + 1},"), "the keyboard goes on where it was"
    reader.press(reader.all("#ledger .tag")[row])
    assert reader.lit() == [index]
    reader.type(Keys.ESCAPE)
    assert reader.lit() == []


@both_sizes
@pytest.mark.parametrize("motion", ["no-preference"])
def test_a_listed_cell_is_flown_to_and_says_its_probability(reader: Reader) -> None:
    cells = reader.data["cells"][: len(reader.all("#likeliest button"))]
    far = next(i for i, cell in enumerate(cells) if abs(cell["ring"][0][1] - reader.data["point"][1]) > 40)
    for index in (far, 0):
        cell = cells[index]
        side = math.sqrt(cell["area"])
        reader.press(reader.all("#photo-frame .tag")[1])  # far out
        reader.press(reader.all("#likeliest button")[index])
        reader.until(lambda side=side: side < reader.width_km() < max(12 * side, 500), "the cell fills the map well")
        reader.until(lambda: reader.inside_map(".leaflet-popup"), "its card is seen")
        card = reader.card()
        assert card.splitlines()[0] == cell["p"] and cell["label"] in card and cell["size"] in card
        reader.type(Keys.ESCAPE)


@both_sizes
def test_a_cell_on_the_map_says_its_probability(reader: Reader) -> None:
    reader.press(reader.one("#to-answer"))
    reader.press(reader.one("#map"), dx=110, dy=100)
    lines = reader.card().splitlines()
    drawn = {(cell["p"], f"in a cell of {cell['size']}") for cell in reader.data["cells"]}
    assert (lines[0], lines[-1]) in drawn
    reader.press(reader.one(".leaflet-popup-close-button"))
    reader.until(lambda: not reader.all(".leaflet-popup"), "the popup closes")


@both_sizes
def test_the_map_opens_on_the_answer_with_its_country_and_the_buttons_zoom(reader: Reader) -> None:
    opened = reader.scale_km()
    assert 50 < opened <= 300
    names = [node.text for node in reader.all(".map-label")]
    assert "Madrid" in names and "Spain" in names
    assert reader.names_behind_buttons() == []
    nearer, farther, world = ".leaflet-control-zoom-in", ".leaflet-control-zoom-out", "#to-world"
    for button in (nearer, nearer, farther, farther, farther, world):
        before = reader.width_km()
        reader.press(reader.one(button))
        if button == nearer:
            reader.until(lambda was=before: reader.width_km() < 0.8 * was, button)
        else:
            reader.until(lambda was=before: reader.width_km() > 1.2 * was, button)
        assert reader.names_behind_buttons() == [], "no name stands behind a button"
    assert reader.scale_km() >= 2000
    reader.press(reader.one("#to-answer"))
    reader.until(lambda: reader.scale_km() < opened, "nearer than at the start")


def test_the_keyboard_reaches_the_map_the_clues_and_the_cells(reader: Reader) -> None:
    reader.tab_to(reader.one("#map"))
    before = reader.scale_km()
    reader.type("+")
    reader.until(lambda: reader.scale_km() < before, "plus zooms in")
    tag = reader.all("#photo-frame .tag")[1]
    reader.tab_to(tag)
    assert tag.value_of_css_property("outline-style") == "solid", "where one is must be seen"
    reader.type(Keys.ENTER)
    assert len(reader.lit()) == 1 and tag.get_attribute("aria-pressed") == "true"
    row = reader.all("#ledger .tag")[0]
    reader.tab_to(row)
    reader.type(Keys.SPACE)
    assert reader.lit() == [reader.data["ledger"][0]["clue"]]
    cell = reader.all("#likeliest button")[1]
    reader.tab_to(cell)
    reader.type(Keys.ENTER)
    card = reader.card()
    assert card.splitlines()[0] == reader.data["cells"][1]["p"]
    summary = reader.one("summary")
    reader.tab_to(summary)
    reader.type(Keys.ENTER)
    assert "MADRID" in reader.one("#readings").text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 2400)], ids=["tall"])
def test_all_text_can_be_read_in_light_and_dark(reader: Reader, scheme: str) -> None:
    page = reader.one("body").value_of_css_property("background-color")
    assert (page == "rgba(255, 255, 255, 1)") is (scheme == "light")
    reader.press(reader.one("#likeliest button"))
    reader.press(reader.all("#ledger tbody tr")[0], dy=-4)
    reader.script("document.querySelector('details').open = true")
    reader.press(reader.one("#likeliest button"))
    contrast, text, seen = reader.script(CONTRAST)
    assert seen > 60 and contrast >= 4.5, text
