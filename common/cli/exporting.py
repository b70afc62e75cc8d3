"""The command `export`: a saved model for another runtime, published if it gives the same answers."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from common import interrupts
from common.cli.imports import discarding_errors, import_tensorflow
from common.cli.tested import Tested
from common.errors import InputError, counted
from common.options import DataOptions, ExportOptions

if TYPE_CHECKING:
    from common.formats.portable import Agreement, Portable
    from common.formats.twin import Runs
    from common.serving.saved_model import SavedModel
    from tasks.base import Task


def export(kind: type[Task], *, saved: ExportOptions, given: DataOptions) -> str:
    """Writes a saved model for another runtime.

    Args:
        kind: The task.
        saved: The model, the format, and where it is written.
        given: The options of data that are given; if there are any, or `--verify`, its test split is answered, too.

    Returns:
        The command line that runs the example.

    Raises:
        InputError: The model cannot be exported, or the file differs from it by more than rounding.
    """
    from common.serving.saved_model import SavedModel

    model = SavedModel.chosen(saved, kind.name)
    folder = saved.to or model.folder / saved.runtime
    verified = saved.verify or any(value is not None for value in vars(given).values())
    tested = Tested.read(kind, model, given) if verified else None
    import_tensorflow()
    from common import reports
    from common.formats import folder as folders
    from common.formats.runtimes import RUNTIMES

    folders.check(folder, RUNTIMES[saved.runtime])
    with interrupts.working():
        with reports.waiting("converting"), discarding_errors():
            portable, runtime = kind.portable(model), RUNTIMES[saved.runtime]
            contents = runtime.converted(portable.twins)
            ready = {saved.runtime: runtime.loaded(contents)}
            if saved.int8:  # A file with the weights as they are shows that all else is right.
                exact = RUNTIMES[saved.format]
                ready = {saved.format: exact.loaded(exact.converted(portable.twins))} | ready
        for name, runs in ready.items():
            may_differ = saved.int8 and name == saved.runtime
            _try(model, portable, runs=runs, name=name, may_differ=may_differ)
            if tested:
                _verify(kind, model, portable=portable, tested=tested, runs=runs, name=name, may_differ=may_differ)
        folders.write(folder, portable, runtime=runtime, contents=contents)
    reports.say(f"model: {model.folder}")
    files = [f"{name}{runtime.suffix} {len(content) / 1e6:.2f} MB" for name, content in contents.items()]
    needs = ", ".join(["numpy", *portable.needs])
    told = ", ".join([*files, folders.VOCABULARY, folders.EXAMPLE])
    reports.say(f"saved: {folder} ({told}); it needs {needs} and {runtime.needs}")
    return shlex.join(["python", str(folder / folders.EXAMPLE), *portable.asked])


def _try(model: SavedModel, portable: Portable, *, runs: Runs, name: str, may_differ: bool) -> None:
    """Compares answers to records that need no data, read at once and in two parts."""
    from common.formats.portable import Ported

    ported = Ported(model, portable, runs)
    for signature, records in portable.trials.items():
        ported.runs = runs
        ported.ask(records, signature, what="trying")
        ported.runs = {name: portable.twins[name].halved(run) for name, run in runs.items()}
        ported.ask(records, signature, what="trying")
    _say(ported.agreement, name, of="made up for it", may_differ=may_differ)


def _verify(
    kind: type[Task],
    model: SavedModel,
    *,
    portable: Portable,
    tested: Tested,
    runs: Runs,
    name: str,
    may_differ: bool,
) -> None:
    """Compares answers to a test split, and shows the scores of both."""
    from common import reports
    from common.formats.portable import Ported

    ported = Ported(model, portable, runs)
    scores = {name: kind.evaluate(ported, tested.test).scores}
    _say(ported.agreement, name, of=f"of {tested.data}", may_differ=may_differ)
    scores = {"SavedModel": kind.evaluate(model, tested.test).scores} | scores
    reports.console.print(reports.scores_table(tested.split, scores))


def _say(agreement: Agreement, name: str, *, of: str, may_differ: bool) -> None:
    from common import reports

    answers = counted(agreement.answers, "answer")
    texts = f"texts in {agreement.same:,} of {answers} are the same" if agreement.texts else answers
    told = f"{name}, inputs {of}: {texts}; numbers differ by {agreement.difference:.1e} at most"
    if not may_differ and not agreement.but_for_rounding:
        raise InputError(f"export: the file is not the saved model, nothing was written; {told}")
    reports.say(told)
