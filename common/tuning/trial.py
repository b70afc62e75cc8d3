"""One trial of a search, in a process of its own: python -m common.tuning.trial MODULE:CLASS FOLDER.

Trains, and never looks at the test split. A killed trial resumes from its last checkpoint.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.studies import worker

if TYPE_CHECKING:
    from tasks.base import Task

COMPLETE, PRUNED, DIVERGED, FAILED = "complete", "pruned", "diverged", "failed"
"""How a trial ends."""


def measured(kind: type[Task], job: dict[str, Any], *, folder: Path) -> dict[str, Any]:
    """Trains, and returns what a search notes about a trial, as JSON-ready values.

    Raises:
        InputError: An option does not suit the task, its data or this machine.
    """
    from optuna.trial import Trial

    from common.networks.network import parameters
    from common.training.run import fit, training_figures
    from common.training.unfinished import Diverged
    from common.tuning.journal import opened
    from common.tuning.reporting import Reporting

    task = worker.begun(kind, job, folder=folder)
    study = opened(Path(job["journal"]), higher_is_better=task.higher_is_better, prune=job["prune"])
    trial = Trial(study, study.get_trials(deepcopy=False)[job["number"]]._trial_id)
    reporting = Reporting(trial, task.monitor)
    try:
        fitted = fit(task, folder, callbacks=(reporting,), logs=job["logs"])
    except Diverged as error:
        return {"state": DIVERGED, "why": str(error)}
    fitted.claim.release()
    figures, best = training_figures(fitted), fitted.run.history[fitted.run.best_epoch]
    value = best[task.monitor]
    if not math.isfinite(value):
        return {"state": DIVERGED, "why": f"{task.monitor} is {value}"}
    names = ("epochs", "best_epoch", "seconds", "tokens_per_second", "peak_memory_mb")
    found = {"state": PRUNED if reporting.pruned else COMPLETE, "value": value, "data": fitted.described}
    return found | {"parameters": parameters(fitted.model)} | {name: figures[name] for name in names}


if __name__ == "__main__":
    sys.exit(worker.main(sys.argv[1], Path(sys.argv[2]), measured))
