"""Training tokens a second of the sentiment model on its embedded default: packed lanes against padded batches.

Ours is what `python run.py sentiment --xla` trains: lanes without padding, windows, carried state. The other is the
same architecture in PyTorch in its usual form: sentences sorted into batches of like length, padded, as many
sentences a batch as bring the same number of real tokens to a step, and `pack_padded_sequence` where it reads
backwards too. Both move only the embedding rows that a batch reads: `LazyAdam` here, sparse gradients and
`SparseAdam` there. An epoch counts with everything in it: batches, forward and backward pass, clipping, Adam. Tokens
are real ones in both.
"""

from __future__ import annotations

import functools
import time
from typing import Any, NamedTuple

import numpy as np


class Texts(NamedTuple):
    """Training texts, encoded.

    Attributes:
        lengths: Tokens of each text, `[texts]`.
        tokens: Word and bigram numbers, `[steps, 2]`.
        labels: `[texts]`.
        known: Words and bigrams that have a number.
    """

    lengths: np.ndarray
    tokens: np.ndarray
    labels: np.ndarray
    known: tuple[int, int]


MODELS: dict[str, dict[str, Any]] = {
    "the default, LSTM of 64 units": {},
    "bidirectional LSTM of 256 units": {"bidirectional": True, "units": 256, "embedding": 256, "residual": False},
}


class Ours:
    """The sentiment task's own model and stream."""

    def __init__(self, model: str) -> None:
        from common.training import compiled, streams_of
        from tasks.sentiment import Sentiment, SentimentOptions

        self.task = Sentiment(SentimentOptions(xla=True, **MODELS[model]))
        self.task.load()
        self.stream = streams_of(self.task)["train"]
        self.model = compiled(self.task, self.stream)
        self.epochs = 0

    def epoch(self) -> None:
        self.model.fit(self.stream, initial_epoch=self.epochs, epochs=self.epochs + 1, verbose=0)
        self.epochs += 1


@functools.cache
def ours(model: str) -> Ours:
    return Ours(model)


def texts_of(contender: str, model: str) -> tuple[Texts, dict[str, Any]]:
    """The training texts and the options that shape the model."""
    task = ours(model).task
    sequences = task.sequences("train")
    known = (len(task.encoder.words), len(task.encoder.bigrams))
    labels = sequences.targets[sequences.ends]
    return Texts(sequences.lengths, sequences.inputs["tokens"], labels, known), task.options.as_json()


@functools.cache
def torch_epoch(model: str) -> Any:
    """A function of texts and options that trains an epoch in PyTorch; the model lives as long as the process."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self, texts: Texts, options: dict[str, Any]) -> None:
            super().__init__()
            self.rate = options["word_dropout"]
            self.embeddings = nn.ModuleList(
                nn.Embedding(size, options["embedding"], sparse=True) for size in texts.known
            )
            self.dropout = nn.Dropout(options["dropout"])
            self.bidirectional, self.residual = options["bidirectional"], options["residual"]
            self.lstm = nn.LSTM(
                options["embedding"], options["units"], batch_first=True, bidirectional=self.bidirectional
            )
            width = options["units"] * (4 if self.bidirectional else 2)
            self.head = nn.Linear(width, int(texts.labels.max()) + 1)

        def forward(self, tokens: Any, lengths: Any) -> Any:
            dropped = torch.rand(tokens.shape) < self.rate
            tokens = torch.where(dropped & (tokens > 0), 1, tokens)
            x = self.dropout(self.embeddings[0](tokens[..., 0]) + self.embeddings[1](tokens[..., 1]))
            if self.bidirectional:
                packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
                outputs = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]
            else:
                outputs = self.lstm(x)[0]
            x = outputs + x if self.residual else outputs
            real = (torch.arange(tokens.shape[1]) < lengths[:, None])[..., None]
            mean = (x * real).sum(1) / lengths[:, None]
            highest = x.masked_fill(~real, -torch.inf).amax(1)
            return self.head(self.dropout(torch.cat([mean, highest], 1)))

    def clip(network: Network, most: float) -> None:
        """As `clip_grad_norm_`, which takes no sparse gradients."""
        for embedding in network.embeddings:
            embedding.weight.grad = embedding.weight.grad.coalesce()
        gradients = [p.grad.values() if p.grad.is_sparse else p.grad for p in network.parameters()]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
        torch._foreach_mul_(gradients, (most / (norm + 1e-6)).clamp(max=1.0))

    trained: list[tuple[Network, list[torch.optim.Optimizer]]] = []

    def epoch(texts: Texts, options: dict[str, Any]) -> None:
        if not trained:
            network = Network(texts, options)
            sparse = list(network.embeddings.parameters())
            dense = [p for p in network.parameters() if all(p is not one for one in sparse)]
            rate = options["learning_rate"]
            trained.append((network, [torch.optim.SparseAdam(sparse, rate), torch.optim.Adam(dense, rate)]))
        network, optimizers = trained[0]
        sentences = max(1, round(options["batch_size"] * options["window"] / texts.lengths.mean()))
        order = np.argsort(-texts.lengths, kind="stable")
        batches = np.array_split(order, np.arange(sentences, len(order), sentences))
        first = np.cumsum(texts.lengths) - texts.lengths
        for n in np.random.default_rng().permutation(len(batches)):
            lengths = texts.lengths[batches[n]]
            at = np.arange(lengths.max())
            inside = at < lengths[:, None]
            tokens = texts.tokens[np.where(inside, first[batches[n]][:, None] + at, 0)] * inside[..., None]
            outputs = network(torch.from_numpy(tokens).long(), torch.from_numpy(lengths.copy()))
            loss = nn.functional.cross_entropy(outputs, torch.from_numpy(texts.labels[batches[n]]).long())
            network.zero_grad()
            loss.backward()
            clip(network, options["clip_norm"])
            for optimizer in optimizers:
                optimizer.step()

    return epoch


def seconds_of_epoch(contender: str, model: str, *data: Any) -> float:
    """Seconds of one epoch, in a worker process."""
    start = time.perf_counter()
    if contender == "torch":
        torch_epoch(model)(*data)
    else:
        ours(model).epoch()
    return time.perf_counter() - start


def measure(workers: Any, rounds: int, model: str) -> dict[str, float]:
    """Real tokens a second of each contender, medians over interleaved epochs."""
    data = workers(texts_of, "ours", model)
    names = ("ours", "torch") if workers.torch else ("ours",)

    def epoch(name: str) -> float:
        return workers(seconds_of_epoch, name, model, *(data if name == "torch" else ()))

    for name in names:
        epoch(name)
    seconds = [[epoch(name) for name in names] for _ in range(rounds)]
    return {name: len(data[0].tokens) / float(np.median(times)) for name, times in zip(names, zip(*seconds))}


def print_table(workers: Any, rounds: int) -> None:
    print("\n| training the sentiment model on its embedded default, real tokens a second | ours | PyTorch | ratio |")
    print("|---|---|---|---|")
    for model in MODELS:
        rates = measure(workers, rounds, model)
        torch = f"{rates['torch']:,.0f} | {rates['ours'] / rates['torch']:.2f}" if "torch" in rates else "- | -"
        print(f"| {model} | {rates['ours']:,.0f} | {torch} |", flush=True)
