"""The registry of tasks."""

from __future__ import annotations

from importlib import import_module

from tasks.base import Task

TASKS = {
    "sentiment": "tasks.sentiment:Sentiment",
    "pos": "tasks.pos:Pos",
    "translation": "tasks.translation:Translation",
    "forecasting": "tasks.forecasting:Forecasting",
    "language_model": "tasks.language_model:LanguageModel",
    "question_answering": "tasks.question_answering:QuestionAnswering",
    "signals": "tasks.signals:Signals",
    "captioning": "tasks.captioning:Captioning",
}


def get(name: str) -> type[Task]:
    """The task of that name."""
    module, attribute = TASKS[name].split(":")
    return getattr(import_module(module), attribute)
