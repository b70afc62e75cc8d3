"""Tests of the subword vocabulary: every text comes back, placeholders stay whole, and all of it is in the graph."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.serving import export
from common.text.pretokens import placeholders, pretokens
from common.text.subwords import COPIES, END, PADDING, START, Subwords

TRAINING = [
    "Could not open the file %s: the file is in use",
    "Die Datei %s konnte nicht geöffnet werden: die Datei wird benutzt",
    "Deleted {name} from <b>the list</b>",
    "{name} wurde aus <b>der Liste</b> gelöscht",
] * 10
SIGNS = [
    "%s",
    "%d",
    "%(count)d",
    "%1$s",
    "{name}",
    "{0}",
    "{}",
    "${x}",
    "&lt;",
    "<b>",
    "</a>",
    "\\n",
    "%lu",
    "%.2f",
    "%1",
]
HARD = [
    "",
    " ",
    "  two  spaces  ",
    "\n\n\ttabs\r\n",
    "\x00",
    "a\x00",
    "👩‍👩‍👧 🇩🇪",
    "e\u0301\u0301 \u0301",
    "\u0378\U000e0fff\uffff\ufffe",
    "日本語の文、ไทย",
    "100% of %% {{ x }} {{}} }{ <3 <> & &; \\ %",
    *SIGNS,
]
texts_of = st.lists(st.one_of(st.text(max_size=30), st.sampled_from(SIGNS + HARD + [" ", "1"])), max_size=8).map(
    "".join
)
batches_of = st.lists(texts_of, max_size=5)


@cache
def subwords() -> Subwords:
    return Subwords.of(TRAINING, 500)


@cache
def graph(name: str) -> tf.types.experimental.GenericFunction:
    return tf.function(getattr(subwords(), name), reduce_retracing=True)


def strings(texts: list[str] | list[bytes]) -> tf.Tensor:
    return tf.constant(texts, tf.string)


def encoded(texts: list[str] | list[bytes]) -> list[bytes]:
    return [text.encode() if isinstance(text, str) else text for text in texts]


def spelled(text: str) -> list[str]:
    """The pieces of a text."""
    ids = subwords()(strings([text])).values
    return [piece.decode() for piece in subwords().decode(ids[:, None]).numpy()]


def test_ids_are_specials_copies_bytes_and_pieces() -> None:
    assert [PADDING, START, END, *COPIES] == list(range(19))
    bare = Subwords([])
    assert len(bare) == 275 and bare(strings([b"\x00a\xff"])).to_list() == [[19, 19 + ord("a"), 274]]
    assert Subwords(["ab"])(strings(["ab"])).to_list() == [[275]]


def test_pieces_are_learned_from_all_languages_within_the_size() -> None:
    assert len(subwords()) <= 500 and len(set(subwords().known)) == len(subwords().known)
    assert spelled("the file") == ["the", " file"] and spelled(" Datei wird") == [" Datei", " wird"]
    assert len(Subwords.of(TRAINING, 300)) == 300 and len(Subwords.of([], 300)) == 275


def test_the_longest_piece_known_goes_first() -> None:
    known = Subwords(["ab", "abc", "de", "cde"])
    assert known.decode(known(strings(["abcdeab"])).values[:, None]).numpy().tolist() == [b"abc", b"de", b"ab"]


@settings(max_examples=100, deadline=None)
@given(batches_of)
@example(HARD)
def test_every_text_comes_back(texts: list[str]) -> None:
    ids = graph("__call__")(strings(texts))
    assert ids.dtype == tf.int32 and tf.reduce_all(ids.values >= COPIES.stop)
    for same in (ids, ids.to_tensor()):
        assert graph("decode")(same).numpy().tolist() == encoded(texts)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=5))
@example([b"\xff", b"\xff\xfe", b"\xfe\xff\xfe%s\xff", b"\xff3", b"\xe4\xb8", b"<\xff>", b"\xed\xa0\x80"])
def test_so_does_what_is_no_utf8(texts: list[bytes]) -> None:
    assert graph("decode")(graph("__call__")(strings(texts))).numpy().tolist() == texts
    assert graph("decode")(*graph("encode")(strings(texts))).numpy().tolist() == texts


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(texts_of, texts_of), max_size=5))
@example([("%s {a} %s {b}", "{b} {c} %s"), ("", "{b}"), ("none", "%s")])
@example([(" ".join(f"{{{n}}}" for n in range(20)), "{19}{0}{15}{16}")])
def test_numbered_placeholders_come_back_in_source_and_target(pairs: list[tuple[str, str]]) -> None:
    sources, targets = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ids, listed = graph("encode")(strings(sources))
    assert graph("decode")(ids, listed).numpy().tolist() == encoded(sources)
    spaced = graph("spaced")(ids.to_tensor())
    assert graph("decode")(ids, listed, spaced).numpy().tolist() == encoded(sources)
    ids = graph("encode_with")(strings(targets), listed)
    assert graph("decode")(ids, listed).numpy().tolist() == encoded(targets)


@settings(max_examples=50, deadline=None)
@given(batches_of)
def test_a_text_is_cut_alike_alone_and_in_a_batch(texts: list[str]) -> None:
    together = graph("encode")(strings(texts))[0].to_list()
    assert together == [graph("encode")(strings([text]))[0].to_list()[0] for text in texts]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("around", ["{}", "a {} b", "a{}b", "({}).", "「{}」", " {} "])
def test_no_piece_crosses_the_border_of_a_placeholder(sign: str, around: str) -> None:
    text = around.replace("{}", sign) if sign != "%1" else around.replace("{}", sign).replace("b", " b")
    assert placeholders(strings([text])).to_list() == [[sign.encode()]]
    assert sign.encode() in pretokens(strings([text])).to_list()[0]
    start, end = text.index(sign), text.index(sign) + len(sign)
    pieces = [len(piece) for piece in spelled(text)] if text.isascii() else []
    assert not pieces or {start, end} <= {sum(pieces[:n]) for n in range(len(pieces) + 1)}


def test_a_placeholder_seen_often_is_one_piece() -> None:
    assert spelled("%s{name}<b>") == ["%s", "{name}", "<b>"]
    assert spelled("%d") == ["%", "d"]


def test_equal_placeholders_share_a_number_and_others_are_spelled_out() -> None:
    known = subwords()
    ids, listed = known.encode(strings(["%s{x}%s", "{y}", ""]))
    assert ids.to_list() == [[3, 4, 3], [3], []] and listed.to_list() == [[b"%s", b"{x}"], [b"{y}"], []]
    ids = known.encode_with(strings(["{x}%s", "{x}", "%s"]), listed)
    assert ids.to_list() == [[4, 3], *known(strings(["{x}", "%s"])).to_list()]


def test_only_sixteen_are_numbered() -> None:
    ids, listed = subwords().encode(strings(["".join(f"{{{n}}}" for n in range(18))]))
    assert ids[0, :16].numpy().tolist() == list(COPIES) and ids[0, 16] >= COPIES.stop
    assert listed.row_lengths().numpy().tolist() == [16]


def test_decoding_stops_at_the_end_and_skips_specials() -> None:
    a, b = (19 + ord(letter) for letter in "ab")
    ids = tf.constant([[START, a, 3, END, b], [PADDING, b, 4, 18, a], [END, a, a, a, a]], tf.int64)
    listed = tf.ragged.constant([["{x}"], ["{y}"], []], dtype=tf.string, ragged_rank=1)
    assert subwords().decode(ids, listed).numpy().tolist() == [b"a{x}", b"ba", b""]
    assert subwords().decode(ids).numpy().tolist() == [b"a", b"ba", b""]
    assert subwords().decode(tf.zeros([2, 0], tf.int32)).numpy().tolist() == [b"", b""]


def test_the_pieces_are_all_there_is_to_keep() -> None:
    again = Subwords(json.loads(json.dumps(subwords().known)))
    assert again(strings(TRAINING)).to_list() == subwords()(strings(TRAINING)).to_list()


def test_learning_twice_gives_the_same_pieces() -> None:
    assert Subwords.of(TRAINING, 500).known == subwords().known


def test_a_saved_model_does_the_same_without_this_code(tmp_path: Path) -> None:
    known = subwords()

    def encode(text: tf.Tensor) -> dict[str, tf.Tensor]:
        ids, listed = known.encode(text)
        return {"ids": ids.to_tensor(), "text": known.decode(ids, listed), "plain": known(text).to_tensor()}

    endpoint = export.Endpoint(encode, [tf.TensorSpec([None], tf.string)])
    export.save(export.Export({"serving_default": endpoint}, known.lookups), tmp_path / "model")
    texts = [*TRAINING, *HARD]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    script = """
import json
import tensorflow as tf
texts = tf.constant(json.load(open("texts.json")))
found = tf.saved_model.load("model").signatures["serving_default"](texts)
assert found["text"].numpy().tolist() == texts.numpy().tolist()
json.dump([found["ids"].numpy().tolist(), found["plain"].numpy().tolist()], open("ids.json", "w"))
"""
    subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, check=True)
    expected = [ids.to_tensor().numpy().tolist() for ids in (known.encode(strings(texts))[0], known(strings(texts)))]
    assert json.loads((tmp_path / "ids.json").read_text()) == expected


def test_words_of_unknown_characters_are_copied() -> None:
    known = subwords()
    text = "Ask Łukasz about 日本 geöffnet 日本"
    ids, copies = known.encode(strings([text]))
    assert copies.to_list() == [["Łukasz".encode(), "日本".encode()]]
    assert [n for n in ids.to_list()[0] if n in COPIES] == [COPIES[0], COPIES[1], COPIES[1]]
    assert known.decode(ids, copies).numpy()[0].decode() == text
    assert known.encode_with(strings(["Frag Łukasz"]), copies).to_list()[0][-1] == COPIES[0]


@pytest.mark.parametrize(
    ("source", "expected_texts"),
    [
        ("%s", ["%s", "file %s", "file %s"]),
        ("a %s", ["%s", "file %s", "file %s"]),
        ('a "%s"', ["%s", "file%s", "file %s"]),
        ("{a} {b}", ["{a}{b}"]),
    ],
)
def test_what_is_copied_gets_the_space_that_it_has_in_the_source(source: str, expected_texts: list[str]) -> None:
    ids, copies = subwords().encode(strings([source]))
    spaced = subwords().spaced(ids.to_tensor())
    for before, expected in zip(("", "file", "file "), expected_texts):
        if len(copies[0]) == 1:
            answer = tf.concat([subwords()(strings([before])), [[COPIES[0]]]], 1)
            assert subwords().decode(answer, copies, spaced).numpy()[0].decode() == expected
    if len(copies[0]) == 2:
        answer = tf.constant([[COPIES[0], COPIES[1]]])
        assert subwords().decode(answer, copies, spaced).numpy()[0].decode() == source


def test_an_unknown_mark_does_not_hide_a_word() -> None:
    known = Subwords.of(["the cafe of don't"] * 10, 300)
    for text, copied in (("cafe\u0301", []), ("don’t", []), ("café", ["café"]), ("the 🎉", ["🎉"])):
        assert known.encode(strings([text]))[1].to_list() == [[word.encode() for word in copied]]


def test_pieces_that_go_on_with_a_word() -> None:
    known = subwords()
    inside = known.inside.numpy()
    assert len(inside) == len(known) and not inside[: COPIES.stop].any()
    known = Subwords(["é", " é", "«", "日", "l'", "e\u0301"])
    inside, opens = known.inside.numpy(), known.opens.numpy()
    pieces = {"a": 11, "é": 11, "7": 11, " ": 0, ".": 0, " é": 1, "«": 0, "日": 0, "l'": 10, "e\u0301": 11, "\n": 0}
    for text, expected in pieces.items():
        (number,) = known(strings([text])).to_list()[0]
        assert (inside[number], opens[number]) == divmod(expected, 10), text
    assert inside[COPIES.stop + 0xC3] and opens[COPIES.stop + 0xC3]


def test_pieces_are_spelled_for_people() -> None:
    ids = [START, *subwords().encode(strings(["file %s"]))[0].to_list()[0], END]
    assert subwords().spelled(ids)[0] == "<start>" and subwords().spelled(ids)[-2:] == ["<placeholder 0>", "<end>"]
