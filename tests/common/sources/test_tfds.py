"""TFDS data sets by name."""

import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

from common.errors import InputError
from common.sources.labelled import LabelledReader
from common.sources.load import load
from common.sources.parallel import PairReader
from common.sources.tagged import TaggedReader
from common.sources.tfds import labelled, pairs, tagged

PT_TO_EN = "tiny_talks/pt_to_en"
SIZES = {"train": 40, "test": 8, "unsupervised": 5}


class TinyReviews(tfds.core.GeneratorBasedBuilder):
    """Like imdb_reviews: no validation split, and one without labels."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in ("plain", "withheld", "images")]

    def _info(self):
        features = {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["neg", "pos"]),
            "stars": tfds.features.Scalar(np.int64),
            "words": tfds.features.Sequence(tfds.features.Text()),
        }
        if self.builder_config.name == "images":
            features = {"image": tfds.features.Text(), "label": features["label"]}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in SIZES}

    def _generate_examples(self, split):
        withheld = split == "unsupervised" or (split == "test" and self.builder_config.name == "withheld")
        for n in range(SIZES[split]):
            text = f"{split} ünï {n}"
            yield n, {"text": text, "label": -1 if withheld else n % 2, "stars": n % 3, "words": ["a", "b"]}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    for config in ("plain", "withheld"):
        TinyReviews(config=config, data_dir=folder).download_and_prepare()
    return folder


def test_labels_by_name_and_validation_cut_from_train(data_dir):
    splits = labelled("tiny_reviews/plain", LabelledReader(), data_dir)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [36, 4, 8]
    both = splits.train.texts + splits.validation.texts
    assert sorted(both) == sorted(f"train ünï {n}" for n in range(40))
    assert sorted(splits.test.texts) == sorted(f"test ünï {n}" for n in range(8))
    for text, label in zip(splits.test.texts, splits.test.labels):
        assert label == ("pos" if int(text.split()[-1]) % 2 else "neg")
    assert "tfds:tiny_reviews/plain" in splits.source


def test_withheld_test_labels_count_as_missing(data_dir):
    splits = labelled("tiny_reviews/withheld", LabelledReader(), data_dir)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [32, 4, 4]
    assert all(text.startswith("train") for text in splits.test.texts)


def test_label_column_of_plain_numbers(data_dir):
    splits = labelled("tiny_reviews/plain", LabelledReader(label_column="stars"), data_dir)
    assert set(splits.train.labels) == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("nope", None), r"'nope'; name one of .*'text'.* with --text-column"),
        (("words", None), r"'words' is not one value"),
        ((None, "nope"), r"--label-column"),
    ],
)
def test_features_that_cannot_serve(data_dir, columns, message):
    text, label = columns
    with pytest.raises(InputError, match=message):
        labelled("tiny_reviews/plain", LabelledReader(text_column=text, label_column=label), data_dir)


def test_no_text_feature_is_reported_before_anything_is_prepared(tmp_path):
    with pytest.raises(InputError, match=r"name one of 'image', 'label' with --text-column"):
        labelled("tiny_reviews/images", LabelledReader(), tmp_path)
    assert not list(tmp_path.rglob("*.tfrecord*"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("imdb_review", r"--data tfds:imdb_review: .*did you mean imdb_reviews.*--data PATH"),
        ("imdb_reviews/nope", r"BuilderConfig nope not found.*--data PATH"),
        ("", r"--data tfds:: "),
    ],
)
def test_unknown_name(name, message):
    with pytest.raises(InputError, match=message) as caught:
        load(f"tfds:{name}", LabelledReader())
    assert "\n" not in str(caught.value)


def test_no_network_is_reported_soon(tmp_path, unreachable):
    start = time.monotonic()
    with pytest.raises(InputError, match=r"imdb_reviews: could not reach \S+; use --data PATH") as caught:
        labelled("imdb_reviews", LabelledReader(), tmp_path)
    assert time.monotonic() - start < 20
    assert "\n" not in str(caught.value)


class TinyTreebank(tfds.core.GeneratorBasedBuilder):
    """Like universal_dependencies: lines of multiword tokens and empty nodes among the words, the head "None"."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in ("plain", "untagged", "headless")]

    def _info(self):
        features = {
            "tokens": tfds.features.Sequence(tfds.features.Text()),
            "upos": tfds.features.Sequence(tfds.features.ClassLabel(names=["NOUN", "VERB", "_"])),
            "xpos": tfds.features.Sequence(tfds.features.Text()),
            "head": tfds.features.Sequence(tfds.features.Text()),
        }
        if self.builder_config.name == "headless":
            del features["head"]
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in ("train", "dev", "test")}

    def _generate_examples(self, split):
        for n in range(3):
            yield (
                n,
                {
                    "tokens": [f"{split}{n}", "dell'", "di", "l'", "koşar", "gitti"],
                    "upos": ["NOUN", "_", "NOUN", "NOUN", "VERB", "VERB"],
                    "xpos": ["N", "None", "E", "None" if self.builder_config.name == "untagged" else "D", "V", "V"],
                    "head": ["5", "None", "5", "5", "0", "None"],
                },
            )


@pytest.fixture(scope="module")
def treebanks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("treebanks")
    for config in ("plain", "untagged"):
        TinyTreebank(config=config, data_dir=folder).download_and_prepare()
    return folder


def test_tagged_words_by_either_column_without_multiword_tokens_and_empty_nodes(treebanks):
    splits = tagged("tiny_treebank/plain", TaggedReader(column="upos"), treebanks)
    assert sorted(splits.test.words) == [(f"test{n}", "di", "l'", "koşar") for n in range(3)]
    assert sorted(splits.validation.words)[0] == ("dev0", "di", "l'", "koşar")
    assert splits.train.tags == [("NOUN", "NOUN", "NOUN", "VERB")] * 3
    assert (
        tagged("tiny_treebank/plain", TaggedReader(column="xpos"), treebanks).train.tags == [("N", "E", "D", "V")] * 3
    )


def test_a_word_without_a_tag_is_refused(treebanks):
    with pytest.raises(InputError, match=r"tiny_treebank/untagged \w+: no XPOS tag for \"l'\"; try --column upos"):
        tagged("tiny_treebank/untagged", TaggedReader(column="xpos"), treebanks)


def test_a_data_set_whose_multiword_tokens_are_unmarked_is_refused(tmp_path):
    with pytest.raises(InputError, match="tiny_treebank/headless: no 'head'; it has"):
        tagged("tiny_treebank/headless", TaggedReader(column="upos"), tmp_path)


def test_a_data_set_without_tags_is_refused(data_dir):
    with pytest.raises(InputError, match="tfds:tiny_reviews/plain: no 'tokens'; it has text, label"):
        tagged("tiny_reviews/plain", TaggedReader(column="upos"), data_dir)


def test_no_network_for_a_treebank_is_reported(tmp_path, unreachable):
    with pytest.raises(InputError, match=r"universal_dependencies/en_ewt: could not reach \S+; use --data PATH"):
        tagged("universal_dependencies/en_ewt", TaggedReader(column="upos"), tmp_path)


class TinyTalks(tfds.core.GeneratorBasedBuilder):
    """Like ted_hrlr_translate: two languages, a direction of its own, and some sentences without a translation."""

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in ("pt_to_en", "undirected")]

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.Translation(languages=["en", "pt"]),
            supervised_keys=("pt", "en") if self.builder_config.name == "pt_to_en" else None,
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in ("train", "validation", "test")}

    def _generate_examples(self, split):
        for n in range(4):
            yield n, {"pt": f" {split} não {n}\n", "en": f"{split} no {n}" if n else ""}


@pytest.fixture(scope="module")
def talks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talks")
    for config in ("pt_to_en", "undirected"):
        TinyTalks(config=config, data_dir=folder).download_and_prepare()
    return folder


def test_translations_in_the_direction_of_the_data_set_or_the_requested_one(talks):
    splits = pairs(PT_TO_EN, PairReader(), talks)
    assert splits.languages == ("pt", "en")
    assert sorted(splits.validation.sources) == [f"validation não {n}" for n in (1, 2, 3)]
    assert sorted(splits.test.targets) == [f"test no {n}" for n in (1, 2, 3)]
    assert [len(splits.train), splits.source] == [3, "tfds:tiny_talks/pt_to_en"]

    turned = pairs(PT_TO_EN, PairReader(source_language="en"), talks)
    assert turned.languages == ("en", "pt")
    assert sorted(turned.test.sources) == sorted(splits.test.targets)


def test_a_direction_that_is_unknown_or_absent_is_refused(talks):
    with pytest.raises(InputError, match=r"undirected: has en, pt; say which .* --source-language and --target-lang"):
        pairs("tiny_talks/undirected", PairReader(), talks)
    with pytest.raises(InputError, match="--target-language de: tfds:tiny_talks/pt_to_en has en, pt"):
        pairs(PT_TO_EN, PairReader(source_language="en", target_language="de"), talks)


def test_a_data_set_without_translations_is_refused(data_dir):
    with pytest.raises(InputError, match="tiny_reviews/plain: no sentences and their translations; it has text, label"):
        pairs("tiny_reviews/plain", PairReader(), data_dir)


def test_no_network_for_translations_is_reported(tmp_path, unreachable):
    with pytest.raises(
        InputError, match=r"ted_hrlr_translate/pt_to_en: could not reach \S+; use --data PATH"
    ) as caught:
        pairs("ted_hrlr_translate/pt_to_en", PairReader(), tmp_path)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_of_translations_is_reported():
    with pytest.raises(InputError, match=r"--data tfds:ted_hrlr_translat: .*did you mean ted_hrlr_translate"):
        load("tfds:ted_hrlr_translat", PairReader())


def test_one_of_several_treebanks_must_be_named() -> None:
    with pytest.raises(InputError, match="tfds:universal_dependencies: holds several treebanks; name one, as in tfds:"):
        tagged("universal_dependencies", TaggedReader())
