"""Training tokens a second on real data: packed lanes against padded batches of like length.

Ours are the models that `python run.py sentiment --xla` and `python run.py pos --xla` train on their embedded defaults:
lanes without padding, windows, carried state. PyTorch's have the same architecture in its usual form: texts are sorted
into padded batches of like length, with as many real tokens per step as ours; a backward half reads each text reversed
within its own length. PyTorch's tagger also reads each spelling of a batch once. Spellings differ in length, so
`pack_padded_sequence` is faster for them. Both update only the embedding rows that a batch reads: ours by `LazyAdam`,
PyTorch's by sparse gradients and `SparseAdam`. The time of an epoch includes everything: batches, forward and backward
pass, clipping, Adam. Padding does not count as tokens.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np


class Texts(NamedTuple):
    """Training texts, encoded, end to end.

    Attributes:
        lengths: Tokens of each text, `[texts]`.
        tokens: The inputs of each step, `[steps, 2]`: word and bigram, or word and spelling.
        labels: The label of each text, `[texts]`, or of each step, `[steps]`.
        known: The sizes of the vocabularies: words and bigrams, or words and characters.
        spellings: Lengths and characters of all spellings, end to end; empty if none are read.
    """

    lengths: np.ndarray
    tokens: np.ndarray
    labels: np.ndarray
    known: tuple[int, int]
    spellings: tuple[np.ndarray, ...] = ()

    def batches(self, texts: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Numbers, lengths, and padded tokens of batches of texts of like length, in random order."""
        order = np.argsort(-self.lengths, kind="stable")
        chosen = np.array_split(order, np.arange(texts, len(order), texts))
        first = np.cumsum(self.lengths) - self.lengths
        for n in np.random.default_rng().permutation(len(chosen)):
            lengths = self.lengths[chosen[n]]
            at = np.arange(lengths.max())
            inside = at < lengths[:, None]
            yield chosen[n], lengths, np.where(inside, first[chosen[n]][:, None] + at, -1)


class Ours:
    """A task's own model and stream."""

    def __init__(self, name: str) -> None:
        import tasks
        from common.training.run import compiled, streams_of

        kind = tasks.get(name)
        self.task = kind(kind.Options(xla=True))
        self.task.load()
        self.stream = streams_of(self.task)["train"]
        self.model = compiled(self.task, self.stream)
        self.epochs = 0

    def epoch(self) -> None:
        self.model.fit(self.stream, initial_epoch=self.epochs, epochs=self.epochs + 1, verbose=0)
        self.epochs += 1


@functools.cache
def ours(name: str) -> Ours:
    return Ours(name)


def texts_of(contender: str, name: str) -> tuple[Texts, dict[str, Any]]:
    """The training texts and the options that shape the model, in a worker process."""
    task = ours(name).task
    return encoded(task), task.options.as_json()


def encoded(task: Any) -> Texts:
    """The training texts as a loaded task reads them."""
    sequences, encoder = task.sequences("train"), task.encoder
    if task.name == "sentiment":
        known = (len(encoder.words), len(encoder.bigrams))
        return Texts(sequences.lengths, sequences.inputs["tokens"], sequences.targets[sequences.ends], known)
    words = sorted({word for sentence in task.splits.train.words for word in sentence})
    numbers = {word: n for n, word in enumerate(words)}
    spelling = [numbers[word] for sentence in task.splits.train.words for word in sentence]
    letters = encoder.letters(words)
    return Texts(
        sequences.lengths,
        np.stack([sequences.inputs["words"], spelling], 1),
        sequences.targets,
        (len(encoder.known), len(encoder.known_letters)),
        (letters.row_lengths().numpy(), letters.flat_values.numpy()),
    )


def sentiment_loss(texts: Texts, options: dict[str, Any]) -> tuple[Any, Callable[..., Any]]:
    """The sentiment model in PyTorch, and the loss of a batch."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embeddings = nn.ModuleList(nn.Embedding(n, options["embedding"], sparse=True) for n in texts.known)
            self.dropout = nn.Dropout(options["dropout"])
            self.lstm = nn.LSTM(options["embedding"], options["units"], batch_first=True)
            self.head = nn.Linear(2 * options["units"], int(texts.labels.max()) + 1)

        def forward(self, tokens: Any, lengths: Any) -> Any:
            dropped = torch.rand(tokens.shape) < options["word_dropout"]
            tokens = torch.where(dropped & (tokens > 0), 1, tokens)
            x = self.dropout(self.embeddings[0](tokens[..., 0]) + self.embeddings[1](tokens[..., 1]))
            x = self.lstm(x)[0] + x
            real = (torch.arange(tokens.shape[1]) < lengths[:, None])[..., None]
            mean = (x * real).sum(1) / lengths[:, None]
            highest = x.masked_fill(~real, -torch.inf).amax(1)
            return self.head(self.dropout(torch.cat([mean, highest], 1)))

    network = Network()

    def loss(chosen: np.ndarray, lengths: np.ndarray, at: np.ndarray) -> Any:
        tokens = texts.tokens[at] * (at >= 0)[..., None]
        outputs = network(torch.from_numpy(tokens).long(), torch.from_numpy(lengths))
        return nn.functional.cross_entropy(outputs, torch.from_numpy(texts.labels[chosen]).long())

    return network, loss


def pos_loss(texts: Texts, options: dict[str, Any]) -> tuple[Any, Callable[..., Any]]:
    """The tagger in PyTorch, and the loss of a batch."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            width, units = options["characters"], options["units"]
            self.embeddings = nn.ModuleList([nn.Embedding(texts.known[0], options["embedding"], sparse=True)])
            self.characters = nn.Embedding(texts.known[1], width)
            self.dropout = nn.Dropout(options["dropout"])
            self.reader = nn.LSTM(width, width, batch_first=True, bidirectional=True)
            self.forwards, self.backwards = (
                nn.LSTM(options["embedding"] + 2 * width, units, batch_first=True) for _ in range(2)
            )
            self.head = nn.Linear(2 * units, int(texts.labels.max()) + 1)

        def forward(self, words: Any, lengths: Any, spelling: Any, letters: Any, sizes: Any) -> Any:
            words = torch.where((torch.rand(words.shape) < options["word_dropout"]) & (words > 0), 1, words)
            packed = nn.utils.rnn.pack_padded_sequence(
                self.characters(letters), sizes, batch_first=True, enforce_sorted=False
            )
            spelled = torch.cat([*self.reader(packed)[1][0]], 1)
            x = self.dropout(torch.cat([self.embeddings[0](words), spelled[spelling]], 2))
            at = torch.arange(words.shape[1])
            turned = torch.where(at < lengths[:, None], lengths[:, None] - 1 - at, at)[..., None]

            def turn(x: Any) -> Any:
                return torch.gather(x, 1, turned.expand(-1, -1, x.shape[2]))

            read = torch.cat([self.forwards(x)[0], turn(self.backwards(turn(x))[0])], 2)
            return self.head(self.dropout(read))

    network = Network()
    all_sizes, all_letters = texts.spellings
    begins = np.cumsum(all_sizes) - all_sizes

    def loss(chosen: np.ndarray, lengths: np.ndarray, at: np.ndarray) -> Any:
        words, spelling = np.moveaxis(texts.tokens[at], 2, 0)
        used, spelling = np.unique(spelling, return_inverse=True)
        sizes, within = all_sizes[used], np.arange(all_sizes[used].max())
        letters = all_letters[np.where(within < sizes[:, None], begins[used][:, None] + within, 0)]
        arrays = (words * (at >= 0), lengths, spelling.reshape(at.shape), letters, sizes)
        outputs = network(*(torch.from_numpy(np.ascontiguousarray(array)).long() for array in arrays))
        real = torch.from_numpy(at >= 0)
        return nn.functional.cross_entropy(outputs[real], torch.from_numpy(texts.labels[at[at >= 0]]).long())

    return network, loss


LOSSES = {"sentiment": sentiment_loss, "pos": pos_loss}
NAMES = {"sentiment": "sentiment: LSTM over words", "pos": "tagging: bidirectional LSTM over words and spellings"}


@functools.cache
def torch_epoch(name: str) -> Callable[[Texts, dict[str, Any]], Any]:
    """Makes a function that trains one epoch in PyTorch and returns the model, which lives as long as the process."""
    import torch

    def clip(network: Any, most: float) -> None:
        """Clips like `clip_grad_norm_`, which takes no sparse gradients."""
        for embedding in network.embeddings:
            embedding.weight.grad = embedding.weight.grad.coalesce()
        gradients = [p.grad.values() if p.grad.is_sparse else p.grad for p in network.parameters()]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
        torch._foreach_mul_(gradients, (most / (norm + 1e-6)).clamp(max=1.0))

    trained: list[tuple[Any, Callable[..., Any], list[torch.optim.Optimizer]]] = []

    def epoch(texts: Texts, options: dict[str, Any]) -> Any:
        if not trained:
            network, loss = LOSSES[name](texts, options)
            sparse = list(network.embeddings.parameters())
            dense = [p for p in network.parameters() if all(p is not one for one in sparse)]
            rate = options["learning_rate"]
            trained.append((network, loss, [torch.optim.SparseAdam(sparse, rate), torch.optim.Adam(dense, rate)]))
        network, loss, optimizers = trained[0]
        for batch in texts.batches(max(1, round(options["batch_size"] * options["window"] / texts.lengths.mean()))):
            network.zero_grad()
            loss(*batch).backward()
            clip(network, options["clip_norm"])
            for optimizer in optimizers:
                optimizer.step()
        return network

    return epoch


def seconds_of_epoch(contender: str, name: str, *data: Any) -> float:
    """Seconds of one epoch, in a worker process."""
    start = time.perf_counter()
    if contender == "torch":
        torch_epoch(name)(*data)
    else:
        ours(name).epoch()
    return time.perf_counter() - start


def measure(workers: Any, rounds: int, name: str) -> dict[str, float]:
    """Real tokens a second of each contender, medians over interleaved epochs."""
    data = workers(texts_of, "ours", name)
    names = ("ours", "torch") if workers.torch else ("ours",)

    def epoch(contender: str) -> float:
        return workers(seconds_of_epoch, contender, name, *(data if contender == "torch" else ()))

    for contender in names:
        epoch(contender)
    seconds = [[epoch(contender) for contender in names] for _ in range(rounds)]
    return {name: len(data[0].tokens) / float(np.median(times)) for name, times in zip(names, zip(*seconds))}


def print_table(workers: Any, rounds: int) -> None:
    print("\n| training on the embedded default, real tokens a second | ours | PyTorch | ratio |")
    print("|---|---|---|---|")
    for name, title in NAMES.items():
        rates = measure(workers, rounds, name)
        torch = f"{rates['torch']:,.0f} | {rates['ours'] / rates['torch']:.2f}" if "torch" in rates else "- | -"
        print(f"| {title} | {rates['ours']:,.0f} | {torch} |", flush=True)
