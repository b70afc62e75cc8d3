"""The embedded Turkish Web Treebank, split as its authors do."""

import pytest

from common.sources import tagged as tagged_text


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SEQUENCE_SUITE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def test_all_sentences_eight_of_ten_for_training():
    splits = tagged_text.load(None)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [3_881, 485, 485]
    assert splits.train.words[0][:3] == ("Burda", "da", "öylemi")
    assert splits.train.tags[0][:3] == ("PRON", "PRT", "VERB")
    # The 9th and 10th of each file's first ten, and of the last ten sentences of the second.
    assert splits.validation.words[0][:5] == ("Günde", "1", "-", "2", "öğün")
    assert splits.test.words[0][:4] == ("Bu", "konuda", "sizlerle", "genel")
    assert splits.validation.words[-1][:4] == ("Ol", "dukça", "zor", "ve")
    assert splits.test.words[-1][:4] == ("Pz", "87WE", "İsviçre'nin", "Leopard")
    assert "turkish-treebanks==1.0.0" in splits.source
    assert tagged_text.load(None, "xpos").train.tags[0][:3] == ("PRD", "RPC", "NOMP")
