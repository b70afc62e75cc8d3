"""The command line: python run.py <task> [train|compare|evaluate|predict] [options]."""

from __future__ import annotations

import difflib
import os
import shlex
import sys
from dataclasses import fields, make_dataclass, replace
from typing import BinaryIO, get_type_hints

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

import tasks
from common.errors import InputError
from common.options import SavedOptions, StudyOptions, from_saved

COMMANDS = ("train", "compare", "evaluate", "predict")


def import_tensorflow() -> None:
    """Imports TensorFlow without the lines its libraries write to the terminal before their log levels hold."""
    terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)
    tensorflow.get_logger().setLevel("ERROR")


def unset(kind: type) -> type:
    """The options of a class, each None where it is not given."""
    hints = get_type_hints(kind, include_extras=True)
    options = [(field.name, hints[field.name] | None, None) for field in fields(kind)]
    namespace = {"__doc__": kind.__doc__, "__module__": kind.__module__}
    return Parameter(name="*")(make_dataclass(kind.__name__, options, namespace=namespace, frozen=True, kw_only=True))


def lines_of(stream: BinaryIO) -> tuple[str, ...]:
    """The lines of a stream of UTF-8."""
    lines = []
    for number, line in enumerate(stream, 1):
        try:
            lines.append(line.decode().rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise InputError(f"standard input, line {number}: not UTF-8 ({error.reason}); convert it") from error
    return tuple(lines)


def unused(tokens: list[str]) -> str:
    """What to say of words on the command line that nothing asked for."""
    near = difflib.get_close_matches(tokens[0], COMMANDS, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
    return f"{tokens[0]!r} is no command; {hint}"


def task_app(name: str) -> App:
    """The commands of a task; `train` when none is named."""
    kind = tasks.get(name)
    given_data = unset(kind.Data)
    app = App(name=name, help=f"{kind.summary}. Commands: train (when none is named), compare, evaluate, predict.")

    def train(options):
        """Train, compare with the baselines, and save a model that takes raw input."""
        import_tensorflow()
        from common.training.run import train

        task = kind(options)
        version = train(task)
        example = task.example.replace("{version}", str(version))
        dashes = ["--"] if example.startswith("-") else []
        asked = shlex.join(["--output", str(options.output), "--cell", options.cell, *dashes, example])
        print(f"next: python run.py {name} predict {asked}")

    def evaluate(saved, data):
        """Score a saved model on the test split of its own data, or of other data; the rest is as it learned."""
        from common import reports
        from common.serving import saved_models

        version = saved_models.find(saved.output, name, saved.cell, saved.version)
        learned = from_saved(kind.Data, saved_models.config_of(version))
        data = replace(learned, **{option: value for option, value in vars(data).items() if value is not None})
        import_tensorflow()
        scores, report = kind.evaluate(saved_models.load(version), data, other=not data.same_data(learned))
        reports.say(report)
        reports.console.print(reports.scores_table("test", {str(version): scores}))

    def predict(*inputs: str, saved):
        from common import reports
        from common.serving import saved_models

        version = saved_models.find(saved.output, name, saved.cell, saved.version)
        import_tensorflow()
        for number, text in enumerate(inputs, 1):
            if any("\udc80" <= character <= "\udcff" for character in text):  # So Python hands on what is not UTF-8.
                raise InputError(f"input {number}: not UTF-8; convert it")
        inputs = inputs or lines_of(sys.stdin.buffer)
        if not any(map(str.strip, inputs)):
            raise InputError("nothing to predict: give inputs on the command line or as lines of standard input")
        reports.console.print(kind.predict(saved_models.load(version), inputs, saved))
        reports.say(f"model: {version}")

    def compare(options, study):
        """Train every cell with every seed, and report which is better, at what cost, as far as that can be told."""

        from common import reports
        from common.studies import study as comparing

        if study.match == "parameters":
            import_tensorflow()
        asked = comparing.Study(kind, tasks.TASKS[name], options, study)
        wrong = asked.run()
        with reports.waiting("writing the report"):
            from common.studies import report as study_report

            found = study_report.Findings(asked, wrong)
            if not found.results:
                raise InputError(f"every run failed; the first: {wrong[0]}")
            page = study_report.write(found)
        reports.console.print(study_report.table(found))
        for line in found.verdicts():
            reports.say(f"- {line.replace('**', '')}")
        for line in wrong:
            reports.say(f"failed: {line}")
        reports.say(f"saved: {page}, report.md, figures and a row a run in results.csv beside it")
        print(f"next: python -m webbrowser {page}")

    train.__annotations__ = {"options": kind.Options}
    train.__defaults__ = (kind.Options(),)
    compare.__annotations__ = {"options": kind.Options, "study": StudyOptions}
    compare.__defaults__ = (kind.Options(), StudyOptions())
    evaluate.__annotations__ = {"saved": SavedOptions, "data": given_data}
    evaluate.__defaults__ = (SavedOptions(), given_data())
    predict.__doc__ = (
        f"Ask a saved model about {kind.asked}, named on the command line or by lines of standard input. "
        "What begins with a dash goes after --."
    )
    predict.__annotations__ = {"inputs": str, "saved": kind.Saved}
    predict.__kwdefaults__ = {"saved": kind.Saved()}
    app.default(train)
    for command in (train, compare, evaluate, predict):
        app.command(command)
    return app


def main(arguments: list[str]) -> int:
    """Runs a command line; returns the exit code."""
    app = App(
        name="run.py",
        help="Recurrent sequence models, trained by stateful truncated backpropagation through time.",
        version_flags=[],
        suppress_keyboard_interrupt=False,
    )
    for name in tasks.TASKS:
        app.command(task_app(name))
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except UnusedCliTokensError as error:
        print(f"error: {unused(error.unused_tokens)}", file=sys.stderr)
        return 2
    except (CycloptsError, InputError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on, train with --resume", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
