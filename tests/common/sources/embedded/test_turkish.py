"""The embedded Turkish Web Treebank, split as its authors do."""

import pytest

from common.sources.load import load
from common.sources.tagged import TaggedReader

pytestmark = pytest.mark.usefixtures("embedded_cache")


def test_all_sentences_eight_of_ten_for_training():
    splits = load(None, TaggedReader())
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [3_881, 485, 485]
    assert splits.train.words[0][:3] == ("Burda", "da", "öylemi")
    assert splits.train.tags[0][:3] == ("PRON", "PRT", "VERB")
    # The 9th and 10th of each file's first ten, and of the last ten sentences of the second.
    assert splits.validation.words[0][:5] == ("Günde", "1", "-", "2", "öğün")
    assert splits.test.words[0][:4] == ("Bu", "konuda", "sizlerle", "genel")
    assert splits.validation.words[-1][:4] == ("Ol", "dukça", "zor", "ve")
    assert splits.test.words[-1][:4] == ("Pz", "87WE", "İsviçre'nin", "Leopard")
    assert "turkish-treebanks==1.0.0" in splits.source
    assert load(None, TaggedReader(column="xpos")).train.tags[0][:3] == ("PRD", "RPC", "NOMP")
