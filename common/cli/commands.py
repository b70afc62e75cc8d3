"""The commands of a task: train, compare, tune, evaluate, predict, export.

A command may return the command line to run next.

The command line is made from the annotations in `app_of`. They name classes of the task, so they must be evaluated.
"""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from common import interrupts, program
from common.cli import exporting, predicting
from common.cli.imports import import_tensorflow
from common.cli.parsing import unset
from common.cli.tested import Tested
from common.errors import InputError
from common.options import DataOptions, EvaluateOptions, ExportOptions, StudyOptions, TrainOptions, TuneOptions
from common.options.cluster import cluster_for

if TYPE_CHECKING:
    from common.studies.study import Study
    from common.tuning.search import Search
    from tasks.base import Task

COMMANDS = ("train", "compare", "tune", "evaluate", "predict", "export")
DEFAULT_STUDY, DEFAULT_SEARCH, DEFAULT_EXPORT = StudyOptions(), TuneOptions(), ExportOptions()


def app_of(kind: type["Task"]) -> App:
    """The commands of a task; `train` when none is named."""
    Given = unset(kind.Data)
    default_options, default_saved, none_given = kind.Options(), kind.Saved(), Given()
    default_evaluate = kind.Evaluate()

    def train(options: kind.Options = default_options) -> str | None:
        """Train, compare with the baselines, and save a model that takes raw input."""
        return _train(kind, options)

    def compare(options: kind.Options = default_options, study: StudyOptions = DEFAULT_STUDY) -> str:
        """Train every cell with every seed, and report which is better, at what cost, with statistical tests."""
        return _compare(kind, options=options, requested=study)

    def tune(options: kind.Options = default_options, search: TuneOptions = DEFAULT_SEARCH) -> str:
        """Search for the options with the best validation value, and save them for train --config."""
        return _tune(kind, options=options, requested=search)

    def evaluate(saved: kind.Evaluate = default_evaluate, data: Given = none_given) -> None:
        """Score a saved model on the test split of its own or other data. Options not given keep the model's values."""
        _evaluate(kind, saved=saved, given=data)

    def predict(*inputs: str, saved: kind.Saved = default_saved) -> None:
        predicting.predict(kind, inputs, saved=saved)

    def export(saved: ExportOptions = DEFAULT_EXPORT, data: Given = none_given) -> str:
        """Write a saved model for ONNX Runtime or LiteRT, after its answers are compared with the saved model's."""
        return exporting.export(kind, saved=saved, given=data)

    named = ", ".join(COMMANDS).replace("train", "train (when none is named)")
    app = App(name=kind.name, help=f"{kind.summary}. Commands: {named}.")
    app.default(train)
    for command in (train, compare, tune, evaluate, export):
        app.command(command)
    app.command(
        predict,
        help=f"Predict with a saved model: {kind.takes}, given on the command line, as lines of standard input, or in "
        "an --input-file. Inputs that begin with a dash follow --.",
    )
    return app


def _train(kind: type["Task"], options: TrainOptions) -> str | None:
    from common.training.claim import Claim
    from common.training.compile_cache import keep_compiled

    task = kind(options)
    with interrupts.working():
        of_several = cluster_for(options.strategy) is not None
        claim = Claim(options.output / kind.name / options.cell, task.options, of_several=of_several)
        claim.check(task.digests)
        task.check()
        claim.check(task.digests)

    keep_compiled()
    import_tensorflow()
    from common.cli import train

    with interrupts.working():
        version = train.train(task)
    if version is None:
        return None
    example = task.example(version)
    given = (example,) if isinstance(example, str) else example
    dashes = ["--"] if given[0].startswith("-") else []
    words = ["--output", str(options.output), "--cell", options.cell, *dashes, *given]
    return program.command(kind.name, "predict", *words)


def _compare(kind: type["Task"], *, options: TrainOptions, requested: StudyOptions) -> str:
    from common.studies import running
    from common.studies.study import Study

    with interrupts.working():
        kind(options).check()
    if requested.match == "parameters":
        import_tensorflow()
    study = Study(kind, options=options, requested=requested)
    with interrupts.working(), study.held():
        return _compared(study, running.run(study))


def _compared(study: "Study", failed: list[str]) -> str:
    from common import reports

    with reports.waiting("writing the report"):
        from common.studies import report
        from common.studies.findings import Findings

        found = Findings(study, failed)
        if not found.results:
            raise InputError(f"every run failed; the first: {failed[0]}")
        page = report.write(found)
    reports.console.print(report.table(found))
    for line in (found.advice(), *map(str, found.verdicts())):
        reports.say(f"- {line}")
    for line in failed:
        reports.say(f"failed: {line}")
    reports.say(f"saved: {page}; next to it report.md, the figures, and results.csv with one row per run")
    return shlex.join(["python", "-m", "webbrowser", str(page)])


def _tune(kind: type["Task"], *, options: TrainOptions, requested: TuneOptions) -> str:
    from common.tuning import running
    from common.tuning.search import Search

    with interrupts.working():
        search = Search(kind, options=options, requested=requested)
        kind(options).check()
        search.check_memory()
    with interrupts.working(), search.held():
        running.run(search)
        return _tuned(search)


def _tuned(search: "Search") -> str:
    from common import reports

    with reports.waiting("writing the report"):
        from common.tuning import report
        from common.tuning.findings import Findings

        found = Findings(search)
        if found.best is None:
            why = f"; the first: {found.failed[0]}" if found.failed else ""
            raise InputError(f"{search.folder}: no trial is complete, {report.summary(found)}{why}")
        page = report.write(found)
    reports.console.print(report.table(found))
    reports.say(f"{report.summary(found)}; {report.advice(found)}")
    reports.say(f"saved: {page}; next to it report.md, the figures, trials.csv, and {report.BEST}, the best options")
    return report.following(found)


def _evaluate(kind: type["Task"], *, saved: EvaluateOptions, given: DataOptions) -> None:
    from common import reports
    from common.files import check_writable, refuse_same
    from common.serving.answer_files import format_for, tables, write_rows
    from common.serving.saved_model import SavedModel

    if path := saved.output_file:
        check_writable("--output-file", path)
        begin = format_for("--output-file", path, tables(lambda row: [row]))
    model = SavedModel.chosen(saved, kind.name)
    if saved.input_file is not None:
        if given.data is not None:
            raise InputError(
                f"--input-file {saved.input_file}: another name for --data, which is given too; leave out one"
            )
        given = replace(given, data=str(saved.input_file))
    if path and given.data:
        refuse_same("--output-file", path, Path(given.data))
    tested = Tested.read(kind, model, given)
    import_tensorflow()
    with interrupts.working():
        others = kind.scored_otherwise(model, tested.test, saved)
        found = kind.evaluate(model, tested.test)
        if path:
            write_rows(found.rows, path, begin, columns=found.columns)
    reports.say(f"data: {tested.data}")
    reports.say(found.report)
    scores = {str(model.folder): found.scores} | others
    reports.console.print(reports.scores_table(tested.split, scores, found.units))
    if path:
        reports.say(f"written: {path}")
