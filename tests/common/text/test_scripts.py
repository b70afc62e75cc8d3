"""Which texts have no blanks between words, and the level that fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.text.scripts import fitting_level, has_no_blanks, known_words

WITHOUT = {
    "Chinese": "这部电影非常喜欢，演员值得推荐。",
    "short": "很好",
    "brands and numbers": "用 iPhone 15 Pro Max 拍的 vlog 很 nice，强烈推荐给大家",
    "an address": "详情请看 https://www.example.com/a/b?c=d 不错的电影",
    "Japanese": "この映画はとても面白かったです。",
    "Katakana": "プログラミング",
    "Thai": "ร้านนี้อร่อยมาก บริการดี ราคาไม่แพง",
    "Lao": "ຮູບເງົານີ້ດີຫຼາຍ",
    "Khmer": "ខ្សែភាពយន្តនេះល្អណាស់",
    "Burmese": "ဒီရုပ်ရှင်က အရမ်းကောင်းတယ်",
    "beyond the first plane": "𠮷𠮷家",
    "DNA": "ACGTTGCA" * 12,
}
WITH = {
    "English": "It's a good film, isn't it? 10/10 👍👍",
    "one word": "amazing",
    "names": "The film 英雄 (Hero) by 張藝謀 is a feast for the eyes, and a long one",
    "German": "Rechtsschutzversicherungsgesellschaften sind langweilig",
    "Vietnamese": "Bộ phim này rất hay và cảm động",
    "Korean": "이 영화는 정말 재미있어요",
    "Arabic": "هذا الفيلم رائع جدا",
    "Hindi": "यह फिल्म बहुत अच्छी है",
    "split Chinese": "这 部 电影 非常 好看 ， 推荐 给 大家",
    "split Thai": "ร้าน นี้ อร่อย มาก บริการ ดี",
    "split Khmer": "ខ្សែភាពយន្ត\u200bនេះ\u200bល្អ\u200bណាស់",
    "an address": "https://www.example.com/a/b?c=d",
    "emoji": "👍👩‍👩‍👧❤️",
    "nothing": "",
}


@pytest.mark.parametrize(
    ("text", "expected"), [*((t, True) for t in WITHOUT.values()), *((t, False) for t in WITH.values())]
)
def test_blanks_between_words(text: str, expected: bool) -> None:
    assert has_no_blanks(text) == expected


ENGLISH, CHINESE = WITH["English"], WITHOUT["Chinese"]


@pytest.mark.parametrize(
    ("texts", "level"),
    [
        ([CHINESE] * 6 + [ENGLISH] * 4, "character"),
        ([CHINESE] * 3 + [ENGLISH] * 7, "subword"),
        ([CHINESE] * 1 + [ENGLISH] * 99, "word"),
        ([CHINESE] * 6 + ["👍"] * 94, "character"),
        (["👍", "10"], "word"),
        ([], "word"),
    ],
)
def test_the_level_follows_from_the_share_of_texts_with_letters(texts: list[str], level: str) -> None:
    assert fitting_level(texts).level == level


def test_the_level_says_why() -> None:
    assert str(fitting_level([CHINESE, ENGLISH])) == "50% of the texts have blanks between words"


@given(st.lists(st.text(max_size=30), max_size=5))
def test_any_texts_have_a_level(texts: list[str]) -> None:
    assert fitting_level(texts) == fitting_level(texts * 2)


def test_words_of_a_test_are_known_from_training_or_not() -> None:
    assert known_words(["The cat", "a dog"], ["the Dog 5", "le chat"]) == [True, True, False, False]
    assert known_words(["我喜欢猫", "我喜欢狗"], ["喜欢我", "いぬ"]) == [True] * 3 + [False] * 2
    assert known_words(["the cat"], ["猫"]) == [False]
