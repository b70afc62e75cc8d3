"""Plain taggers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

from common.sources.records import TaggedSentences

Tags = list[list[str]]


def most_frequent_tag(train: TaggedSentences, sentences: Iterable[Sequence[str]]) -> Tags:
    """Gives each word its most frequent training tag, and each unseen word the most frequent tag overall."""
    counts: dict[str, Counter[str]] = {}
    for word, tag in zip(chain.from_iterable(train.words), chain.from_iterable(train.tags)):
        counts.setdefault(word, Counter())[tag] += 1
    usual = Counter(chain.from_iterable(train.tags)).most_common(1)[0][0]
    best = {word: count.most_common(1)[0][0] for word, count in counts.items()}
    return [[best.get(word, usual) for word in words] for words in sentences]


def logistic_regression(train: TaggedSentences, sentences: Sequence[Sequence[str]]) -> Tags:
    """One logistic regression per tag over a word and its neighbours, by averaged stochastic gradient descent."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline

    classifier = SGDClassifier(loss="log_loss", alpha=2e-6, max_iter=10, tol=None, average=True, random_state=0)
    model = make_pipeline(FeatureHasher(2**20, input_type="string"), classifier)
    model.fit(list(chain.from_iterable(map(_features, train.words))), list(chain.from_iterable(train.tags)))
    predicted = iter(model.predict(list(chain.from_iterable(map(_features, sentences)))).tolist())
    return [[next(predicted) for _ in words] for words in sentences]


def _features(words: Sequence[str]) -> Iterator[list[str]]:
    padded = ["<s>", "<s>", *words, "</s>", "</s>"]
    for at, word in enumerate(words, 2):
        lower = word.lower()
        shape = "".join("A" if c.isupper() else "a" if c.islower() else "0" if c.isdigit() else c for c in word)
        yield [
            "bias",
            f"w={word}",
            f"l={lower}",
            f"shape={''.join(a for a, b in pairwise(shape + ' ') if a != b)}",
            *(f"p{n}={lower[:n]}" for n in range(1, 4)),
            *(f"s{n}={lower[-n:]}" for n in range(1, 6)),
            *(f"{by}={padded[at + by].lower()}" for by in (-2, -1, 1, 2)),
            *(f"{by}s={padded[at + by].lower()[-3:]}" for by in (-1, 1)),
            f"-1w={padded[at - 1].lower()} {lower}",
        ]


TAGGERS = {"most_frequent_tag": most_frequent_tag, "logistic_regression": logistic_regression}
