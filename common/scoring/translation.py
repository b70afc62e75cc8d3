"""Translations of a test set, and their scores."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from common.scoring import Scores
from common.scoring.items import Items
from common.text.scripts import fitting_level

SHOWN = 6
"""Number of examples in a report."""
CHINESE = "zh zho chi cmn yue wuu nan hak gan hsn cdo cjy cpx czh czo mnp lzh chinese hans hant hani"
BY_CHARACTER = (
    "ja jpn japanese jpan ko kor korean kore th tha thai lo lao laoo km khm khmer khmr my mya bur burmese mymr "
    "bo bod tib tibetan tibt dz dzo"
)
TOKENIZERS = dict.fromkeys(CHINESE.split(), "zh") | dict.fromkeys(BY_CHARACTER.split(), "char")
"""Tokenisers of sacrebleu by language and by script, for what is written without spaces between words: the codes of
ISO 639-1, -2 and -3 and of ISO 15924, and English names."""


class Model(Protocol):
    """A translator that answers records: an `Export` or a `SavedModel`, see `common.serving`."""

    def ask(self, records: Sequence[dict[str, Any]], signature: str = ..., **options: Any) -> list[dict[str, Any]]: ...


class Translations(NamedTuple):
    """Translations of a test set.

    Attributes:
        sources: The sentences.
        references: The reference translation of each sentence.
        predictions: The predicted translation of each sentence.
        language: The language of the translations.
        log_probability: Log-probability of each reference, its end included; empty where there are no probabilities.
        tokens: Subwords of each reference, its end included; empty where there are no probabilities.
        model: The model that predicted them, for further predictions; None for other methods.
    """

    sources: Sequence[str]
    references: Sequence[str]
    predictions: Sequence[str]
    language: str
    log_probability: np.ndarray = np.zeros(0)
    tokens: np.ndarray = np.zeros(0)
    model: Model | None = None

    @classmethod
    def of(cls, model: Model, sources: Sequence[str], references: Sequence[str], *, language: str, beam: int) -> Self:
        """The translations that a model predicts, and the log-probabilities that it gives to the references."""
        predictions = translated(model, sources, beam=beam)
        pairs = [{"text": source, "translation": reference} for source, reference in zip(sources, references)]
        likelihoods = model.ask(pairs, "likelihood", what="scoring")
        log_probability, tokens = (
            np.array([float(answer[name]) for answer in likelihoods]) for name in ("log_probability", "tokens")
        )
        return cls(sources, references, predictions, language, log_probability, tokens, model)

    def others(self, predictions: Sequence[str]) -> Self:
        """Predictions of another method, which has no probabilities, for the same test set."""
        return self._replace(predictions=predictions, log_probability=np.zeros(0), tokens=np.zeros(0), model=None)

    def scores(self) -> Scores:
        """BLEU and chrF of sacrebleu, perplexity per subword, exact matches, and the share of placeholders kept."""
        from sacrebleu.metrics import CHRF

        predictions, references, tokens = list(self.predictions), list(self.references), self.tokens.sum()
        return {
            "bleu": bleu(self.language, references).corpus_score(predictions, [references]).score,
            "chrf": CHRF().corpus_score(predictions, [references]).score,
            "perplexity": math.exp(-self.log_probability.sum() / tokens) if tokens else math.nan,
            "exact_match": float(np.mean([a == b for a, b in zip(predictions, references)])),
            "placeholder_survival": survival(self.sources, predictions),
        }

    def items(self) -> Items:
        """What sacrebleu counts for BLEU in each sentence."""
        metric, sums = bleu(self.language, self.references), []
        for prediction, reference in zip(self.predictions, self.references):
            found = metric.sentence_score(prediction, [reference])
            sums.append([*found.counts, *found.totals, found.sys_len, found.ref_len])
        return Items(np.array(sums, np.float64), "bleu")

    def report(self) -> str:
        """The signatures of the scores, and some predictions with their sources and references."""
        lines = signatures(self.language, self.references)
        for n in range(0, len(self.sources), max(len(self.sources) // SHOWN, 1))[:SHOWN]:
            rows = {"source": self.sources[n], "reference": self.references[n], "predicted": self.predictions[n]}
            lines += [*(f"  {name:<10} {text}" for name, text in rows.items()), ""]
        return "\n".join(lines)

    def write(self, folder: Path) -> None:
        """Writes `signatures.txt`, the settings of the scores, and `test.tsv`, the predictions."""
        (folder / "signatures.txt").write_text(
            "".join(f"{line}\n" for line in signatures(self.language, self.references))
        )
        with (folder / "test.tsv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, "excel-tab")
            rows.writerow(("source", "reference", "translation"))
            rows.writerows(zip(self.sources, self.references, self.predictions))


def translated(model: Model, sources: Sequence[str], *, beam: int) -> list[str]:
    """The translations that a model predicts by a search that keeps `beam` hypotheses."""
    answers = model.ask([{"text": source} for source in sources], "beam", what="translating", beam=beam)
    return [answer["translation"] for answer in answers]


def tokenizer(language: str, references: Sequence[str]) -> str:
    """The tokeniser of sacrebleu for a language.

    Args:
        language: Its code or name, such as `ja`, `jpn`, `ja-JP` or `zh_Hant_TW`; a script outweighs the language.
        references: Sentences. They decide where the language is not one that is written without spaces: the codes of
            most languages are in no table, and the columns of a table may have no code at all.
    """
    first, *others = re.split(r"[-_.@]", language.strip().casefold())
    script = next((part for part in others if len(part) == 4 and part.isalpha()), None)
    if script == "latn":  # Romaji and pinyin have spaces.
        return "13a"
    if found := TOKENIZERS.get(script, TOKENIZERS.get(first)):
        return found
    return "char" if fitting_level(references).level == "character" else "13a"


def bleu(language: str, references: Sequence[str]) -> Any:
    """The sacrebleu metric for BLEU; it counts characters where no spaces are put between words."""
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize=tokenizer(language, references))


def signatures(language: str, references: Sequence[str]) -> list[str]:
    """The settings that make sacrebleu compute the same scores."""
    from sacrebleu.metrics import CHRF

    lines = []
    for metric in (bleu(language, references), CHRF()):
        name = metric.corpus_score(["."], [["."]]).name
        lines.append(f"{name} {metric.get_signature()}")
    return lines


def survival(sources: Sequence[str], predictions: Sequence[str]) -> float:
    """The share of the sources' placeholders that the predictions hold; NaN if the sources have none."""
    import tensorflow as tf

    from common.text.pretokens import placeholders

    wanted, found = (
        [Counter(row) for row in placeholders(tf.constant(list(texts), tf.string)).to_list()]
        for texts in (sources, predictions)
    )
    total = sum(row.total() for row in wanted)
    return sum((a & b).total() for a, b in zip(wanted, found)) / total if total else math.nan


def largest_weights(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The source subword with the largest weight for each subword of a translation.

    Args:
        found: The outputs of a translator's `attention` for one text.

    Returns:
        One record per subword: `subword`, `source` and `weight`.
    """
    rows = [(piece, weights) for piece, weights in zip(found["translation"], found["weights"]) if piece]
    return [
        {"subword": piece, "source": found["source"][weights.argmax()], "weight": float(weights.max())}
        for piece, weights in rows
    ]
