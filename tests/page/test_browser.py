"""The picture of a network in a real browser."""

import itertools

import pytest

from converter.page import document, network
from tests.page.chromium import WIDTHS, Opened, chromium, needs_chromium
from tests.page.made import MODELS, NAMES

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return a function that gives the path of a model's page."""
    folder, written = tmp_path_factory.mktemp("pages"), {}

    def page(name):
        if name not in written:
            written[name] = folder / f"{name}.html"
            written[name].write_text(document(name, [network(MODELS[name]())]), "utf-8")
        return written[name]

    return page


@pytest.mark.parametrize("model", MODELS)
def test_a_page_is_quiet_and_as_wide_as_the_window_by_day_and_by_night(model, browser, pages):
    grounds = []
    with Opened(browser, pages(model), "phone", color_scheme="light") as opened:
        page = opened.page
        for width, scheme in itertools.product(WIDTHS, ["light", "dark"]):
            page.set_viewport_size(dict(zip(("width", "height"), WIDTHS[width], strict=True)))
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            box = page.locator(".picture").bounding_box()
            assert min(box["width"], box["height"]) > 200
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert grounds == ["rgb(255, 255, 255)", "rgb(22, 24, 27)"] * 2
        assert len(opened.names()) > 4
        assert opened.complaints == []
        assert opened.requests == [opened.address]


def test_seven_hundred_layers_are_ready_within_two_seconds(browser, pages):
    """Two seconds of work: a busy machine lets a page wait, but not work more.

    That is the processor time of the thread in which the page is parsed, laid out and run.
    """
    with Opened(browser, pages("large")) as opened:
        assert opened.page.locator(".picture .node").count() > 700
        assert 0.01 < opened.seconds_of_work() < 2


def test_layers_are_told_apart_by_more_than_colour(browser, pages):
    with Opened(browser, pages("ten")) as opened:
        page = opened.page

        def look(role):
            return page.locator(f".picture .{role} > .shape").first.evaluate(
                "e => { const s = getComputedStyle(e);"
                " return [e.getAttribute('d'), e.getAttribute('rx'), s.strokeWidth,"
                " s.strokeDasharray, s.fill.startsWith('url')] }"
            )

        roles = ["input", "target", "loss", "learns", "frozen", "plain"]
        assert len({str(look(role)) for role in roles}) == len(roles)
        lines = {
            page.locator(f".picture {which}").first.evaluate(
                "e => { const s = getComputedStyle(e);"
                " return [s.strokeDasharray, s.markerStart, s.markerEnd].join() }"
            )
            for which in (".gradient", ".stops", ".line:not(.gradient):not(.stops)")
        }
        assert len(lines) == 3
        states = page.locator(".picture .state").all_text_contents()
        assert states.count("learns, gradient passes") == 1
        assert states.count("learns, gradient ends here") == 1
        assert states.count("frozen") == 1


def test_a_click_on_a_layer_shows_what_is_known_of_it(browser, pages):
    with Opened(browser, pages("ten")) as opened:
        opened.page.click(".node[data-name=dense_1]")
        assert opened.page.inner_text(".panel h3") == "dense_1"
        facts = opened.facts()
        assert facts["weights"] == "306"
        assert facts["output"] == "6 × 1 × 1"
        assert facts["precision"] == "float32"
        assert facts["learning"] == "learns"
        assert facts["gradient"] == "ends here: nothing before it learns"
        opened.page.click(".node[data-name=conv_1]")
        assert opened.facts()["learning"].startswith("is frozen: the file does not mark it")


def test_a_tap_shows_it_too(browser, pages):
    with Opened(browser, pages("ten"), "phone", has_touch=True, is_mobile=True) as opened:
        opened.page.locator(".node[data-name=conv_1]").tap()
        assert opened.page.inner_text(".panel h3") == "conv_1"


def test_search_finds_layers_by_name_and_by_kind_and_unfolds_to_them(browser, pages):
    with Opened(browser, pages("large")) as opened:
        page = opened.page
        assert not page.locator("[data-name=stage1_block50_conv_b]").is_visible()
        page.fill(".search", "Block50_conv")
        assert page.inner_text(".found") == "2 found"
        page.press(".search", "Enter")
        page.press(".search", "Enter")
        assert page.inner_text(".found") == "2 of 2"
        assert page.inner_text(".panel h3") == "stage1_block50_conv_b"
        node = page.locator("[data-name=stage1_block50_conv_b]")
        box, window = node.bounding_box(), page.locator(".window").bounding_box()
        assert window["x"] <= box["x"] <= window["x"] + window["width"]
        assert window["y"] <= box["y"] <= window["y"] + window["height"]
        page.fill(".search", "batchnorm")
        assert page.inner_text(".found") == "200 found"
        page.fill(".search", "nothing of the kind")
        assert page.inner_text(".found") == "0 found"
        assert page.locator("[data-do=next]").is_disabled()
        assert opened.complaints == []


def test_blocks_unfold_and_fold_again(browser, pages):
    with Opened(browser, pages("large")) as opened:
        page = opened.page
        before = opened.names()
        assert opened.names("block") == ["stage0 … stage2"]
        page.click(".folded:visible")
        assert len(opened.names("block")) == 10
        page.locator(".folded:visible").nth(2).click()
        page.locator(".folded:visible").nth(4).click()
        assert "stage0_block22_conv_a" in opened.names()
        page.click("[data-do=fold]")
        assert opened.names() == before
        page.click("[data-do=unfold]")
        assert len(opened.names()) == 707
        assert _overlaps(page) == []


def _overlaps(page):
    """Return pairs of nodes that cover each other."""
    boxes = page.locator(".picture .node:visible > .shape").evaluate_all(
        "all => all.map(e => { const b = e.getBoundingClientRect();"
        " return [b.left, b.top, b.right, b.bottom] })"
    )
    rows = sorted(boxes, key=lambda box: box[1])
    return [
        (one, other)
        for index, one in enumerate(rows)
        for other in rows[index + 1 : index + 12]
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]


def test_zoom_by_button_wheel_and_key(browser, pages):
    with Opened(browser, pages("ten")) as opened:
        page, widths = opened.page, []

        def width():
            return page.locator(".picture").bounding_box()["width"]

        widths.append(width())
        page.click("[data-do=larger]")
        widths.append(width())
        page.hover(".window")
        page.keyboard.down("Control")
        page.mouse.wheel(0, -100)
        page.keyboard.up("Control")
        page.wait_for_function(f"document.querySelector('.picture').clientWidth > {widths[1] + 1}")
        widths.append(width())
        page.focus(".window")
        page.keyboard.press("+")
        widths.append(width())
        assert widths == sorted(set(widths))
        page.click("[data-do=fit]")
        assert page.evaluate(
            "document.querySelector('.picture').clientHeight"
            " <= document.querySelector('.window').clientHeight"
        )


def test_a_mouse_drags_the_picture_and_chooses_nothing(browser, pages):
    with Opened(browser, pages("ten")) as opened:
        page = opened.page
        box = page.locator(".node[data-name=pool_1]").bounding_box()
        page.mouse.move(box["x"] + 20, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 20, box["y"] - 130, steps=5)
        page.mouse.up()
        moved = page.locator(".node[data-name=pool_1]").bounding_box()
        assert box["y"] - moved["y"] == pytest.approx(150, abs=2)
        assert page.locator(".panel h3").count() == 0


def test_everything_goes_by_keyboard(browser, pages):
    with Opened(browser, pages("large")) as opened:
        page = opened.page
        page.focus(".window")
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        chosen = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert chosen == "stage0_block0 … stage0_block9, 70 layers, unfolded"
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert page.inner_text(".panel h3") == "stage0_block0_conv_a"
        page.keyboard.press("ArrowLeft")
        label = "document.activeElement.getAttribute('aria-expanded')"
        assert page.evaluate(label) == "false"


def test_names_from_a_file_do_nothing(browser, pages):
    with Opened(browser, pages("awkward")) as opened:
        page = opened.page
        shown = []
        for index in range(page.locator(".picture .node.frozen").count()):
            page.locator(".picture .node.frozen").nth(index).click()
            shown.append(page.evaluate("document.querySelector('.panel h3').textContent"))
        assert len(shown) == len(NAMES)
        assert shown[:3] == list(NAMES[:3])
        assert shown[3] == "\\x00\\x1b[2J\\x7f\\u2028line"
        assert shown[4] == "\\u202egpj.\\u202c\\u2066x"
        assert shown[5:] == list(NAMES[5:])
        page.fill(".search", "<script>")
        assert page.inner_text(".found") == "3 found"
        assert page.title() == "awkward"
        assert page.locator("img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert opened.complaints == []


def test_the_policy_keeps_out_what_is_not_of_the_page(browser, pages):
    with Opened(browser, pages("ten")) as opened:
        page = opened.page
        page.evaluate(
            "() => { document.body.insertAdjacentHTML('beforeend',"
            " `<b onclick='document.title = 1' style='color: red'>x</b>"
            "<img src='https://example.invalid/x.png'>`);"
            " document.querySelector('b').click();"
            " const script = document.createElement('script');"
            " script.textContent = 'document.title = 2'; document.body.append(script) }"
        )
        page.wait_for_function("document.querySelector('img').complete")
        assert page.title() == "ten"
        assert opened.refused == ["csp"]
        assert len(opened.complaints) == 4


def test_without_scripts_the_picture_is_there(browser, pages):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(pages("large").as_uri())
        assert page.locator(".picture .node.learns > .name").text_content() == "head"
        assert page.locator(".picture .folded:visible").count() == 1


def test_the_cut_of_a_pipeline_is_drawn_and_explained(browser, pages):
    with Opened(browser, pages("pipeline")) as opened:
        opened.page.click(".node.cut")
        facts = opened.facts()
        assert (facts["before"], facts["after"]) == ("model_0", "model_1")
        assert facts["handed over"] == "features"
        assert opened.page.locator(".picture .cut .scissors").count() == 1


def test_two_networks_stand_on_one_page(browser, tmp_path):
    path = tmp_path / "two.html"
    path.write_text(document("two", [network(MODELS[name]()) for name in ("ten", "pipeline")]))
    with Opened(browser, path) as opened:
        opened.page.wait_for_function("document.querySelectorAll('[data-ready]').length == 2")
        second = opened.page.locator("figure").nth(1)
        second.locator(".node[data-name=dense_2]").click()
        assert second.locator(".panel h3").inner_text() == "dense_2"
        assert opened.page.locator(".panel h3").count() == 1
        assert opened.complaints == []


def test_a_page_names_its_language_title_and_parts(browser, pages):
    with Opened(browser, pages("ten")) as opened:
        page = opened.page
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.locator("h1").all_inner_texts() == ["ten"]
        assert page.locator("h2").all_inner_texts() == ["Network"]
        unnamed = "button, input, [role=button], [role=group], aside, figure"
        names = page.locator(unnamed).evaluate_all(
            "all => all.map(e => e.ariaLabel || e.innerText || e.labels?.[0]?.innerText || '')"
        )
        assert all(names)
