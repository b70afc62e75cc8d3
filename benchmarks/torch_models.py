"""The models of the tasks in PyTorch, in its usual form, and their training. Only imported where PyTorch is installed.

Each has the architecture of the task's own model at its defaults. Texts and pairs are padded, and dropout is drawn for
each step. A network has `loss`, which takes a batch of `benchmarks.torch_data`; its `embeddings` have sparse gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.torch_data import NO_TARGET, Pairs, Series, Text, Texts

LAYERS = {"lstm": (nn.LSTM, nn.LSTMCell), "gru": (nn.GRU, nn.GRUCell)}
Options = dict[str, Any]


def mean_loss(outputs: torch.Tensor, labels: np.ndarray) -> torch.Tensor:
    return functional.cross_entropy(outputs, torch.from_numpy(labels).long())


class Sentiment(nn.Module):
    """Sums of word and bigram vectors, a residual recurrence, mean and maximum over the steps, a dense layer."""

    def __init__(self, texts: Texts, options: Options) -> None:
        super().__init__()
        width, units = options["embedding"], options["units"]
        self.texts = texts
        self.word_dropout = options["word_dropout"]
        self.embeddings = nn.ModuleList(nn.Embedding(n, width, sparse=True) for n in texts.known)
        self.dropout = nn.Dropout(options["dropout"])
        self.recurrence = LAYERS[options["cell"]][0](width, units, batch_first=True)
        self.head = nn.Linear(2 * units, int(texts.labels.max()) + 1)

    def loss(self, chosen: np.ndarray, lengths: np.ndarray, at: np.ndarray) -> torch.Tensor:
        tokens = torch.from_numpy(self.texts.tokens[at] * (at >= 0)[..., None]).long()
        dropped = torch.rand(tokens.shape) < self.word_dropout
        tokens = torch.where(dropped & (tokens > 0), 1, tokens)
        x = self.dropout(self.embeddings[0](tokens[..., 0]) + self.embeddings[1](tokens[..., 1]))
        x = self.recurrence(x)[0] + x
        real = torch.from_numpy(at >= 0)[..., None]
        mean = (x * real).sum(1) / torch.from_numpy(lengths)[:, None]
        highest = x.masked_fill(~real, -torch.inf).amax(1)
        return mean_loss(self.head(self.dropout(torch.cat([mean, highest], 1))), self.texts.labels[chosen])


class Tagger(nn.Module):
    """Vectors of words and affixes, and recurrences over spellings; a recurrence each way; a dense layer.

    Each spelling of a batch is read once.
    The backward half reads each text reversed within its own length. Spellings differ in length, so they are packed.
    """

    def __init__(self, texts: Texts, options: Options) -> None:
        super().__init__()
        width, units, layer = options["characters"], options["units"], LAYERS[options["cell"]][0]
        self.texts = texts
        self.begins = np.cumsum(texts.spellings[0]) - texts.spellings[0]
        self.word_dropout = options["word_dropout"]
        words = nn.Embedding(texts.known[0], options["embedding"], sparse=True)
        affixes = nn.EmbeddingBag(texts.known[2], options["embedding"], mode="sum", sparse=True)
        nn.init.zeros_(affixes.weight)
        self.embeddings = nn.ModuleList([words, affixes])
        self.characters = nn.Embedding(texts.known[1], width)
        self.dropout = nn.Dropout(options["dropout"])
        self.reader = layer(width, width, batch_first=True, bidirectional=True)
        self.forwards, self.backwards = (
            layer(options["embedding"] + 2 * width, units, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(2 * units, int(texts.labels.max()) + 1)

    def loss(self, chosen: np.ndarray, lengths: np.ndarray, at: np.ndarray) -> torch.Tensor:
        words, spelling = np.moveaxis(self.texts.tokens[at], 2, 0)
        used, spelling = np.unique(spelling, return_inverse=True)
        vectors = self.embeddings[0](self.partly_unknown(words * (at >= 0)))
        affixes = self.partly_unknown(self.texts.affixes[at] * (at >= 0)[..., None]).flatten(0, 1)
        vectors = vectors + self.embeddings[1](affixes).unflatten(0, at.shape)
        spelled = self.spelled(used)[torch.from_numpy(spelling.reshape(at.shape))]
        x = self.dropout(torch.cat([vectors, spelled], 2))
        places, ends = np.arange(at.shape[1]), lengths[:, None]
        turned = torch.from_numpy(np.where(places < ends, ends - 1 - places, places))[..., None]

        def turn(x: torch.Tensor) -> torch.Tensor:
            return torch.gather(x, 1, turned.expand(-1, -1, x.shape[2]))

        outputs = self.head(self.dropout(torch.cat([self.forwards(x)[0], turn(self.backwards(turn(x))[0])], 2)))
        return mean_loss(outputs[torch.from_numpy(at >= 0)], self.texts.labels[at[at >= 0]])

    def partly_unknown(self, tokens: np.ndarray) -> torch.Tensor:
        """Tokens, some of them made unknown."""
        tokens = torch.from_numpy(tokens).long()
        return torch.where((torch.rand(tokens.shape) < self.word_dropout) & (tokens > 0), 1, tokens)

    def spelled(self, used: np.ndarray) -> torch.Tensor:
        """What the recurrences make of some spellings, `[spellings, 2 * width]`."""
        sizes, letters = self.texts.spellings
        sizes = sizes[used]
        within = np.arange(sizes.max())
        letters = letters[np.where(within < sizes[:, None], self.begins[used][:, None] + within, 0)]
        x = self.characters(torch.from_numpy(letters).long())
        packed = pack_padded_sequence(x, torch.from_numpy(sizes), batch_first=True, enforce_sorted=False)
        state = self.reader(packed)[1]
        return torch.cat([*(state[0] if isinstance(state, tuple) else state)], 1)


class Translator(nn.Module):
    """Packed encoder each way, multiplicative attention, two layers of decoder, readout tied to the vectors.

    Logits and their cross-entropy are computed at all places, padded ones too.
    """

    def __init__(self, pairs: Pairs, options: Options) -> None:
        super().__init__()
        width, units, layer = options["embedding"], options["units"], LAYERS[options["cell"]][0]
        self.embeddings = nn.ModuleList()  # The readout's gradient has all rows.
        self.smoothing = options["smoothing"]
        self.dropout = nn.Dropout(options["dropout"])
        self.vectors = nn.Embedding(pairs.vocabulary, width)
        nn.init.normal_(self.vectors.weight, std=0.05)
        self.encoder = layer(width, units // 2, batch_first=True, bidirectional=True)
        self.decoder = layer(width, units, batch_first=True)
        self.upper = layer(2 * units, units, batch_first=True)
        self.states = 2 if options["cell"] == "lstm" else 1
        self.bridge = nn.Linear(units, 2 * self.states * units)
        self.query = nn.Linear(units, units, bias=False)
        self.out = nn.Linear(2 * units, width)
        self.bias = nn.Parameter(torch.zeros(pairs.vocabulary))

    def loss(self, sources: np.ndarray, lengths: np.ndarray, read: np.ndarray, references: np.ndarray) -> torch.Tensor:
        x = self.dropout(self.vectors(torch.from_numpy(sources)))
        packed = pack_padded_sequence(x, torch.from_numpy(lengths), batch_first=True, enforce_sorted=False)
        memory, state = self.encoder(packed)
        memory, _ = pad_packed_sequence(memory, batch_first=True)
        ends = torch.cat([*(state[0] if self.states == 2 else state)], 1)
        states = torch.tanh(self.bridge(ends))[None].chunk(2 * self.states, 2)
        states = [tuple(map(torch.Tensor.contiguous, states[n::2])) for n in range(2)]
        first, second = states if self.states == 2 else [state[0] for state in states]
        x, _ = self.decoder(self.dropout(self.vectors(torch.from_numpy(read))), first)
        visible = torch.from_numpy(np.arange(memory.shape[1]) < lengths[:, None])[:, None]
        scores = self.query(x) @ memory.transpose(1, 2)
        context = scores.masked_fill(~visible, -torch.inf).softmax(2) @ memory
        x, _ = self.upper(self.dropout(torch.cat([x, context], 2)), second)
        x = self.dropout(torch.tanh(self.out(torch.cat([x, context], 2))))
        logits = functional.linear(x, self.vectors.weight, self.bias).flatten(0, 1)
        references = torch.from_numpy(references).flatten()
        return functional.cross_entropy(logits, references, ignore_index=NO_TARGET, label_smoothing=self.smoothing)


class Forecaster(nn.Module):
    """Segments of a series, a recurrence, one step of a cell for the segment ahead; the mean and the quantiles.

    A batch is the next window of some whole series. The state is carried from window to window, without gradient.
    """

    def __init__(self, series: Series, options: Options) -> None:
        super().__init__()
        width, units, segment = options["embedding"], options["units"], options["segment"]
        layer, cell = LAYERS[options["cell"]]
        self.embeddings = nn.ModuleList()
        self.horizon, self.ahead = options["horizon"], -(-options["horizon"] // segment)
        self.levels = torch.tensor(options["quantiles"])
        covariates, seasons = (series.inputs[name].shape[-1] for name in ("known", "naive"))
        self.read = nn.Linear(segment * (2 + covariates) + series.inputs["levels"].shape[-1], width)
        self.of_series = nn.Parameter(torch.randn(int(series.inputs["series"].max()) + 1, width) * 0.05)
        self.of_place = nn.Parameter(torch.randn(self.ahead, width) * 0.5)
        self.place = nn.Linear(segment * (covariates + seasons), width)
        self.recurrence = layer(width, units, batch_first=True)
        self.decoder = cell(width, units)
        self.project = nn.Linear(units, segment * (1 + len(self.levels)))
        self.repeat = nn.Linear(seasons, 1, bias=False)
        nn.init.constant_(self.repeat.weight, 1 / seasons)
        self.read_dropout, self.dropout = nn.Dropout(options["read_dropout"]), nn.Dropout(options["dropout"])
        self.state: Any = None

    def forward(self, x: dict[str, torch.Tensor]) -> torch.Tensor:
        """The mean and the quantiles, `[lanes, time, horizon, 1 + quantiles]`."""
        last, vector = x["last"][..., None], self.of_series[x["series"]]
        values = (x["values"] - last) * (1 - x["absent"])
        read = torch.cat([values, x["absent"], x["known"].flatten(2), x["levels"] - last], 2)
        h, state = self.recurrence(self.read_dropout(torch.relu(self.read(read)) + vector), self.state)
        self.state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        naive = x["naive"] - last[..., None]
        ahead = torch.cat([x["future"], naive], 3)
        rest = self.ahead * (self.place.in_features // ahead.shape[3]) - self.horizon
        ahead = functional.pad(ahead, (0, 0, 0, rest)).unflatten(2, (self.ahead, -1)).flatten(3)
        places = (self.place(ahead) + self.of_place + vector[:, :, None]).flatten(0, 2)
        wide = h[:, :, None].expand(-1, -1, self.ahead, -1).flatten(0, 2)
        decoded = self.decoder(places, (wide, wide) if isinstance(state, tuple) else wide)
        decoded = decoded[0] if isinstance(state, tuple) else decoded
        outputs = self.project(self.dropout(decoded)).reshape(*h.shape[:2], -1, 1 + len(self.levels))
        mean, lowest, rise = outputs[:, :, : self.horizon].split((1, 1, len(self.levels) - 1), 3)
        rising = torch.cat([lowest, functional.softplus(rise)], 3).cumsum(3)
        return last[..., None] + self.repeat(naive) + torch.cat([mean, rising], 3)

    def loss(self, first: bool, inputs: dict[str, np.ndarray], targets: np.ndarray, real: np.ndarray) -> torch.Tensor:
        if first:
            self.state = None
        outputs = self({name: torch.from_numpy(values) for name, values in inputs.items()})
        targets = torch.from_numpy(targets)
        present = targets.isfinite()
        error = torch.where(present, targets, 0)[..., None] - outputs
        mean, quantile = error[..., 0], error[..., 1:]
        each = mean.square() + torch.maximum(self.levels * quantile, (self.levels - 1) * quantile).sum(3)
        of_step = (each * present).sum(2) / present.sum(2).clamp(min=1)
        return of_step[torch.from_numpy(real)].mean()


class LanguageModel(nn.Module):
    """Vectors of tokens, recurrences, and a readout with the same vectors; the state is carried, without gradient."""

    def __init__(self, text: Text, options: Options) -> None:
        super().__init__()
        width, units, dropout = options["embedding"], options["units"], options["dropout"]
        self.embeddings = nn.ModuleList()  # The readout needs all of them, so none is sparse.
        self.vectors = nn.Embedding(text.vocabulary, width)
        nn.init.normal_(self.vectors.weight, std=width**-0.5)
        between = {"num_layers": options["layers"], "dropout": dropout if options["layers"] > 1 else 0.0}
        self.recurrence = LAYERS[options["cell"]][0](width, units, batch_first=True, **between)
        self.out = nn.Linear(units, width)
        self.bias = nn.Parameter(torch.zeros(text.vocabulary))
        self.dropout, self.scale = nn.Dropout(dropout), width**0.5
        self.state: Any = None

    def loss(self, first: bool, read: np.ndarray, reference: np.ndarray) -> torch.Tensor:
        x = self.dropout(self.vectors(torch.from_numpy(read).long()) * self.scale)
        h, state = self.recurrence(x, None if first else self.state)
        self.state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        logits = functional.linear(self.out(self.dropout(h)), self.vectors.weight, self.bias)
        return mean_loss(logits.flatten(0, 1), reference.flatten())


NETWORKS = {
    **{"sentiment": Sentiment, "pos": Tagger, "translation": Translator, "forecasting": Forecaster},
    "language_model": LanguageModel,
}


class Theirs:
    """A task's model in PyTorch, trained with Adam and clipped gradients.

    Args:
        name: The task.
        data: Its training data.
        options: Its options.
        steps: Real steps of a window of ours.
        batches: Batches that `train` reads; None is a whole epoch.
    """

    def __init__(self, name: str, data: Any, options: Options, *, steps: float, batches: int | None = None) -> None:
        self.network = NETWORKS[name](data, options)
        self.data, self.steps, self.batches, self.most = data, steps, batches, options["clip_norm"]
        sparse, rate = list(self.network.embeddings.parameters()), options["learning_rate"]
        dense = [p for p in self.network.parameters() if all(p is not one for one in sparse)]
        self.optimizers = [torch.optim.Adam(dense, rate)] + ([torch.optim.SparseAdam(sparse, rate)] if sparse else [])

    @property
    def parameters(self) -> int:
        """Parameters, less the second of the two biases that PyTorch's LSTM adds up: Keras's has one."""
        lstms = [part for part in self.network.modules() if isinstance(part, nn.LSTM | nn.LSTMCell)]
        twice = [w for part in lstms for name, w in part.named_parameters() if "bias_hh" in name]
        return sum(w.numel() for w in self.network.parameters()) - sum(w.numel() for w in twice)

    def train(self) -> int:
        """Trains the batches; returns their real steps."""
        total = 0
        for steps, batch in self.data.epoch(self.steps, self.batches):
            self.network.zero_grad()
            self.network.loss(*batch).backward()
            self._clip()
            for optimizer in self.optimizers:
                optimizer.step()
            total += steps
        return total

    def _clip(self) -> None:
        """Clips like `clip_grad_norm_`, which takes no sparse gradients."""
        for embedding in self.network.embeddings:
            embedding.weight.grad = embedding.weight.grad.coalesce()
        gradients = [p.grad.values() if p.grad.is_sparse else p.grad for p in self.network.parameters()]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients]))
        torch._foreach_mul_(gradients, (self.most / (norm + 1e-6)).clamp(max=1.0))
