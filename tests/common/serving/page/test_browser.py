"""The page in a browser, at the width of a desk and of a phone: type, click, read the answer."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest
from scipy.io import wavfile

from tests.common.serving.page.models import EVIL, GOOD, PIXEL, RATE, REFUSED

CHROMIUM = shutil.which("chromium")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SECONDS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=[1280, 390], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, browser, address: str) -> Iterator:
    """The page, which loads from its own host alone and has nothing to say in the console."""
    page = browser.new_context(viewport={"width": request.param, "height": 844}).new_page()
    page.set_default_timeout(SECONDS)
    hosts, said = set(), []
    page.on("request", lambda one: hosts.add(urlsplit(one.url).netloc))
    page.on("console", lambda one: said.append((one.text, one.location)) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda one: said.append(str(one)))
    page.on("dialog", lambda one: (said.append(f"a dialog: {one.message}"), one.dismiss()))
    page.goto(address)
    yield page
    assert said == []
    assert hosts - {""} == {urlsplit(address).netloc}


def opened(page, title: str):
    """The view of a tab."""
    page.get_by_role("tab", name=title).click()
    view = page.locator(f".view-{title.lower()}")
    view.locator(".about").first.wait_for()
    return view


def expect(where, text: str) -> None:
    sync_api.expect(where).to_contain_text(text, timeout=SECONDS)


def assert_nothing_cut_off(page) -> None:
    """The page is no wider than the window, nor is anything on it, but for tables that scroll in their own box."""
    wide = """() => [...document.querySelectorAll('main *')]
        .filter(one => !one.closest('.table-box') && one.getClientRects().length)
        .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML)"""
    assert page.evaluate(wide) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def pointed_at(page, chart) -> None:
    """The mouse is over the middle of a chart, so that it shows its tooltip, with whatever markup is in it."""
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    page.wait_for_timeout(200)


def unfolded(button) -> None:
    """Opened by its key: an answer that comes while the mouse is down moves the button away from under it."""
    button.press("Enter")
    sync_api.expect(button).to_have_attribute("aria-expanded", "true", timeout=SECONDS)


def typed(view, text: str) -> None:
    view.locator("textarea").fill(text)


def test_sentiment_moves_with_every_word(page) -> None:
    view = opened(page, "Sentiment")
    typed(view, f"good {EVIL.replace(' ', '_')} bad good")
    answers = view.locator(".model:visible")
    expect(answers.first, f"{GOOD} 80%")
    view.locator(".q-select").click()
    page.get_by_role("option", name=GOOD).click()
    expect(view.locator(".q-select"), GOOD)
    words = answers.first.locator(".word")
    sync_api.expect(words.first).to_have_attribute("title", f"{GOOD} 80%, +30 points", timeout=SECONDS)
    assert answers.count() == 2, "the same text, answered by both models"
    assert words.all_inner_texts() == ["good", EVIL.replace(" ", "_"), "bad", "good"]
    green, none, red, _ = (words.nth(n).evaluate("one => getComputedStyle(one).backgroundColor") for n in range(4))
    assert "22, 163, 74" in green and "220, 38, 38" in red and none.endswith(", 0)")
    assert view.locator(".charts .chart:visible").count() == 1, "one chart with the curves of both"
    typed(view, "refuse this")
    expect(view.locator(".line").first, REFUSED)
    assert answers.count() == 0
    typed(view, "x" * 300)
    expect(view.locator(".line").first, "this server takes 200")
    typed(view, "x" * 1001)
    expect(view.locator(".line").first, "this page takes 1,000")
    typed(view, "  ")
    expect(view.locator(".line").first, "Type a few words")
    assert answers.count() == 0 == view.locator(".charts .chart:visible").count()
    view.get_by_role("button", name="Example 2").click()
    expect(answers.first, "stale")
    assert_nothing_cut_off(page)


def test_hidden_states_and_gates_are_a_picture(page) -> None:
    view = opened(page, "Sentiment")
    typed(view, "good and bad")
    expect(view.locator(".model:visible .word").first, "good")
    unfolded(view.get_by_role("button", name="Look inside"))
    inside = view.locator(".inside")
    expect(inside.locator(".model:visible").first, f"The 20 of {30} units that change most")
    assert inside.locator(".chart:visible").count() == 2
    inside.get_by_role("button", name="forget gate").click()
    expect(inside.locator(".about"), "how much of the memory is kept")
    expect(inside.locator(".model:visible").first, "forget gate")
    assert_nothing_cut_off(page)


def test_tags_stand_over_the_words(page) -> None:
    view = opened(page, "Tags")
    typed(view, f"two {GOOD}")
    expect(view.locator(".model:visible").first, GOOD)
    assert view.locator(".model:visible").first.locator(".tag").all_inner_texts() == [EVIL, EVIL]
    assert view.locator(".model:visible").first.locator(".unseen").all_inner_texts() == ["two", GOOD]
    assert_nothing_cut_off(page)


def test_a_translation_has_its_attention(page) -> None:
    view = opened(page, "Translation")
    typed(view, f"one {EVIL}")
    expect(view.locator(".translation").first, f"one {EVIL} 3 {GOOD}")
    pointed_at(page, view.locator(".chart").first)
    assert_nothing_cut_off(page)


def test_a_forecast_of_the_sample_and_of_a_file(page) -> None:
    view = opened(page, "Forecast")
    expect(view.locator(".model:visible"), "3 steps ahead")
    expect(view.locator(".model:visible"), "The band holds 80%")
    upload = view.locator("input[type=file]")
    rows = "".join(f"2024-01-01T{hour:02}:00,{hour}\n" for hour in range(9))
    for content, said in (
        ("nothing of it\nis a series\n", "no column"),
        (f"time,{EVIL}\n{rows}".replace("T03", "T04"), "repeats the time"),
        ("x" * 30_000, "at most 20,000 bytes"),
    ):
        sync_api.expect(view.locator(".q-uploader__spinner")).to_have_count(0)  # A busy uploader takes no file.
        upload.set_input_files({"name": "own.csv", "mimeType": "text/csv", "buffer": content.encode()})
        expect(view.locator(".line").first, said)
        assert view.locator(".model:visible").count() == 0
    sync_api.expect(view.locator(".q-uploader__spinner")).to_have_count(0)
    upload.set_input_files({"name": "own.csv", "mimeType": "text/csv", "buffer": f"time,{EVIL}\n{rows}".encode()})
    expect(view.locator(".model:visible"), "3 steps ahead")
    pointed_at(page, view.locator(".chart").first)
    assert_nothing_cut_off(page)


def test_a_signal_of_the_sample_and_of_a_file_has_a_class(page) -> None:
    view = opened(page, "Signals")
    for card, said in (("first", "reads a sequence both ways"), ("last", f"{GOOD} 95%")):
        expect(getattr(view.locator(".model:visible"), card), said)
    assert view.locator(".charts canvas:visible").count()
    upload = view.locator("input[type=file]")
    wrong, right = f"sequence_id,{EVIL}\na,1\na,2\n", f"sequence_id,{EVIL},level\na,-9,1\na,-9,2\n"
    for name, content, where, said in (
        ("own.csv", wrong, view.locator(".line").first, "own.csv:2: no level among its columns"),
        ("own.csv", right, view.locator(".model:visible").first, f"{EVIL} 100%"),
    ):
        sync_api.expect(view.locator(".q-uploader__spinner")).to_have_count(0)  # A busy uploader takes no file.
        upload.set_input_files({"name": name, "mimeType": "text/csv", "buffer": content.encode()})
        expect(where, said)
    pointed_at(page, view.locator(".chart:visible").first)
    assert_nothing_cut_off(page)


def test_a_sound_of_the_sample_and_of_a_file_has_a_class(page) -> None:
    view = opened(page, "Sounds")
    for card, said in (("first", "reads a sequence both ways"), ("last", f"{EVIL} 100%")):  # It ends with silence.
        expect(getattr(view.locator(".model:visible"), card), said)
    expect(view.locator(".model:visible").first, f"{GOOD} ")
    assert view.locator(".charts canvas:visible").count()
    upload, file = view.locator("input[type=file]"), io.BytesIO()
    wavfile.write(file, 2 * RATE, np.zeros(300, np.int16))
    for content, where, said in (
        (b"no sound", view.locator(".line").first, "own.wav: no WAV file that can be read"),
        (file.getvalue(), view.locator(".model:visible").first, f"{EVIL} 100%"),
    ):
        sync_api.expect(view.locator(".q-uploader__spinner")).to_have_count(0)
        upload.set_input_files({"name": "own.wav", "mimeType": "audio/wav", "buffer": content})
        expect(where, said)
    assert_nothing_cut_off(page)


def test_a_question_about_a_picture_has_an_answer_and_a_map_for_each_look(page) -> None:
    view = opened(page, "Questions")
    expect(view.locator(".model:visible").first, f"{GOOD} 100%")
    looks = view.locator(".looked")
    assert looks.all_inner_texts() == ["look 1", "look 2"] and looks.locator("img").count() == 2
    view.get_by_label("Your question").fill("so?")
    expect(view.locator(".model:visible").first, f"{EVIL} 100%")
    view.get_by_label("Your question").fill("")
    expect(view.locator(".line").first, "Ask something")
    assert view.locator(".model:visible").count() == 0
    assert_nothing_cut_off(page)


def test_a_picture_has_a_caption_and_a_map_for_each_word(page) -> None:
    view = opened(page, "Captions")
    expect(view.locator(".model:visible").first, f"a {EVIL}")
    words = view.locator(".looked")
    expect(words.nth(1), EVIL)
    assert words.count() == 2 and words.locator("img").count() == 2
    upload = view.locator("input[type=file]")
    for content, where, said in (
        (b"no picture", view.locator(".line").first, "own.png: no picture that can be read"),
        (PIXEL, view.locator(".model:visible").first, "log-probability -1.50"),
    ):
        sync_api.expect(view.locator(".q-uploader__spinner")).to_have_count(0)  # A busy uploader takes no file.
        upload.set_input_files({"name": "own.png", "mimeType": "image/png", "buffer": content})
        expect(where, said)
    assert_nothing_cut_off(page)


def test_texts_are_written_on(page) -> None:
    view = opened(page, "Writing")
    typed(view, f"Once {GOOD}")
    view.get_by_role("button", name="Write", exact=True).click()
    expect(view.locator(".written").first, f"Once {GOOD}<b>bold</b> 1 <b>bold</b> 1 <b>bold</b> 1")
    expect(view.locator(".model-answer").first, "temperature 0.8")
    view.get_by_role("button", name="Write something else").click()
    expect(view.locator(".written").nth(1), "<b>bold</b> 2")
    typed(view, "refuse")
    view.get_by_role("button", name="Write", exact=True).click()
    expect(view.locator(".line").first, REFUSED)
    assert_nothing_cut_off(page)


def test_trainings_have_curves_scores_and_their_figure(page) -> None:
    view = opened(page, "Training")
    expect(view.locator(".model:visible").first, EVIL)
    expect(view.locator(".model:visible").first, "0.75")
    assert view.locator(".chart:visible").count() == view.locator(".model:visible").count() > 3
    unfolded(view.get_by_role("button", name="The figure of this training").first)
    picture = view.locator(".figure img").first
    sync_api.expect(picture).to_have_js_property("naturalWidth", 9, timeout=SECONDS)
    assert_nothing_cut_off(page)
