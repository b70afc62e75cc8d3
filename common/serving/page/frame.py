"""The page itself: a tab for each view that the models fit, each made when it is first opened."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from common.serving.http.asking import Asker
from common.serving.page.answers import Answers
from common.serving.page.captions import Captions
from common.serving.page.forecast import Forecast
from common.serving.page.scores import Scores
from common.serving.page.served import Served
from common.serving.page.signals import Signals
from common.serving.page.sounds import Sounds
from common.serving.page.tags import Tags
from common.serving.page.training import Training
from common.serving.page.translation import Translation
from common.serving.page.view import View
from common.serving.page.writing import Writing

VIEWS: tuple[type[View], ...] = (
    Scores,
    Tags,
    Translation,
    Forecast,
    Signals,
    Sounds,
    Writing,
    Captions,
    Answers,
    Training,
)
TITLE = "Recurrent sequence models"
STYLE = (Path(__file__).parent / "page.css").read_text()


def show(asker: Asker) -> None:
    """Fills the page of a visitor."""
    ui.add_css(STYLE)
    ui.colors(primary="#1d4ed8")
    ui.context.client.on_exception(lambda: ui.notify("The server failed at this; its log says why.", type="negative"))
    served = sorted((Served.of(model) for model in asker.store.models.values()), key=lambda one: one.order)
    with ui.element("main").classes("page"):
        with ui.element("header").classes("top"):
            ui.label(TITLE).classes("title").props("role=heading aria-level=1")
            ui.label(
                "Recurrent networks read one step at a time and carry a hidden state along. Try them: the same input "
                "goes to every cell that was trained."
            ).classes("about")
        found = {view: models for view in VIEWS if (models := [one for one in served if view.fits(one)])}
        if not asker.store.ready:
            ui.label("The models are being loaded; this page shows them as soon as they are there.").classes("about")
            ui.timer(1, lambda: ui.navigate.reload() if asker.store.ready else None)
        elif not found:
            names = ", ".join(one.name for one in served)
            ui.label(f"None of the models here can be shown on a page: {names}. See /docs.").classes("line")
        else:
            _tabs(asker, found)
        with ui.element("footer").classes("bottom"):
            ui.link("HTTP interface", "/docs")
            ui.link("Metrics", "/metrics")


def _tabs(asker: Asker, found: dict[type[View], list[Served]]) -> None:
    made: set[str] = set()

    async def opened() -> None:
        view = next((view for view in found if view.title == tabs.value), None)
        if view is None or view.title in made:
            return
        made.add(view.title)
        with panels[view.title]:
            one = view(asker, found[view])
        if one.start is not None:
            await one.start

    with ui.tabs(on_change=opened).props("no-caps inline-label align=left").classes("views") as tabs:
        for view in found:
            ui.tab(view.title, icon=view.icon)
    panels = {}
    first = next(iter(found)).title
    with ui.tab_panels(tabs, value=first, animated=False, keep_alive=True).classes("panels"):
        for view in found:
            with ui.tab_panel(view.title).classes(f"view-{view.title.lower()}") as panel:
                panels[view.title] = panel
    ui.context.client.on_connect(opened)
