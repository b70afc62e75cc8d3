"""The report of a search: trials, best options, importance and figures as Markdown and as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from common import program
from common.errors import counted
from common.files import drafted
from common.reports import narrow_table
from common.studies import markup
from common.studies.markup import escaped
from common.studies.page import figures_of, write_page
from common.tuning.figures import FIGURES
from common.tuning.findings import LEAST, STATES, Findings, number

BEST = "best.yaml"
"""The file with the options of the best trial."""
SHOWN = 10
"""Trials in the table of the terminal."""


def table(found: Findings) -> Table:
    """The best trials for the terminal."""
    header, *rows = found.rows()
    title = f"{found.search.kind.name}: {found.search.requested.name}"
    return narrow_table(title if len(rows) <= SHOWN else f"{title}, the best {SHOWN}", header, rows[:SHOWN])


def following(found: Findings) -> str:
    """The command line that trains with the best options."""
    options = found.search.options
    output = ["--output", str(options.output)] if options.output != type(options)().output else []
    return program.command(found.search.kind.name, "train", "--config", str(best_of(found)), *output)


def best_of(found: Findings) -> Path:
    return found.search.folder / BEST


def write(found: Findings) -> Path:
    """Writes `best.yaml`, `trials.csv`, the figures, `report.md` and `report.html`; returns the last.

    Args:
        found: Findings with at least one complete trial.

    Raises:
        InputError: The search's folder cannot be written to.
    """
    search = found.search
    with drafted("--output", best_of(found)) as draft:
        draft.write_text(found.best_yaml(), encoding="utf-8")
    with drafted("--output", search.folder / "trials.csv") as draft:
        found.frame().to_csv(draft, index=False)
    drawn, left_out = figures_of(FIGURES, found, search.folder)
    return write_page(search.folder, f"{search.kind.name}: {search.requested.name}", report(found, drawn, left_out))


def report(found: Findings, figures: dict[str, str], left_out: Sequence[str] = ()) -> str:
    """The report as Markdown.

    Args:
        found: Findings with at least one complete trial.
        figures: Markdown of each figure that was drawn, by its name.
        left_out: A line for each figure that failed.
    """
    failed = [*found.failed, *left_out]
    parts = [
        f"# {found.search.kind.name}: which options?",
        _summary(found),
        "## Best options",
        _best(found),
        markup.table(_options(found)),
        f"`{BEST}` has all options of this trial:",
        markup.code_block([following(found)]),
        "## Trials",
        markup.table(found.rows()),
        "Values are of each trial's best epoch. A pruned trial was stopped: after as many epochs its value was "
        "worse than the median of the others.",
        *figures.values(),
        "## Importance",
        _importance(found),
        *(["## Without a value", "\n".join(f"- {escaped(line)}" for line in failed)] if failed else []),
        "## Commands",
        markup.code_block(found.search.commands),
        "`study.json` has the options of all trials; `trials.csv` has one row per trial.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary(found: Findings) -> str:
    """How many trials there are, by their state."""
    counts = [(len(found.of(state)), state) for state in STATES]
    return f"{counted(len(found.trials), 'trial')}: {', '.join(f'{n:,} {state}' for n, state in counts if n)}"


def advice(found: Findings) -> str:
    """The best trial beside the one with the options as given."""
    best, given = found.best, found.given
    text = f"best: trial {best.number}, {found.value} {number(best.value)}"
    if given is None or given is best:
        return text if given is None else f"{text}, the options as they were given"
    return f"{text}; the options as they were given: {number(given.value)}"


def _summary(found: Findings) -> str:
    better = "higher is better" if found.search.higher_is_better else "lower is better"
    data = escaped(found.best.result["data"])
    return (
        f"{data}. {summary(found)}. Trials are compared by {found.value}: {better}. The test split was not looked at."
    )


def _best(found: Findings) -> str:
    return (
        f"{escaped(advice(found)).capitalize()}. The best of many values is partly luck: the test split, which `train` "
        "scores after training, says how good these options are."
    )


def _options(found: Findings) -> list[list[str]]:
    """The options that were searched: the best value, the one that was given, and the range."""
    given = found.search.settled
    return [
        ["option", "best", "given", "range"],
        *(
            [name, number(found.best.options[name]), number(getattr(given, name)), one.described]
            for name, one in found.search.space.items()
        ),
    ]


def _importance(found: Findings) -> str:
    if not found.importance:
        return f"Not shown: it takes {LEAST} complete trials and two options."
    rows = [[name, f"{share:.0%}"] for name, share in found.importance.items()]
    return markup.table([["option", "share"], *rows]) + (
        "\n\nHow far the values of an option in the best tenth of the complete trials differ from those in all of them "
        "(PED-ANOVA), as shares of the sum. Of few trials it is a rough guide."
    )
