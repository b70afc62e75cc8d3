"""Tokenisers made of TensorFlow operations, so that they travel inside the exported graph."""

from __future__ import annotations

import tensorflow as tf

from common.text.canonical import composed

START, END = "<start>", "<end>"
BLANKS = r"[\s\pZ\p{Cc}\x{200B}]+"  # To TensorFlow \s is ASCII alone.
TAGS = r"(?i:<[a-z/][^<>]{0,200}>)"
BLANK = "\u2581"
"""What stands for blanks among characters and subwords."""


def cleaned(text: tf.Tensor) -> tf.Tensor:
    """Texts in lower case and composed form, without markup tags.

    Args:
        text: string, `[N]`; bytes that are not UTF-8 become U+FFFD.

    Returns:
        string, `[N]`; equal for canonically equal texts.
    """
    text = composed(tf.strings.unicode_transcode(text, "UTF-8", "UTF-8"))
    return tf.strings.regex_replace(tf.strings.lower(text, "utf-8"), TAGS, " ")


def words(text: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case words, word endings after an apostrophe, and punctuation marks.

    Every text closes with `END`, so that an empty one has a step as well.

    Args:
        text: string, `[N]`.

    Returns:
        string, `[N, (words)]`.
    """
    text = cleaned(text)
    # "isn't" becomes "isn ʼt": U+02BC is a letter, so the ending stays one word when marks are separated.
    text = tf.strings.regex_replace(text, r"(\pL)['’](\pL)", "\\1 ʼ\\2")
    text = tf.strings.regex_replace(text, r"([^\pL\pM\pN\s])", r" \1 ")
    return tf.strings.split(tf.strings.join([text, END], " "))


def ngrams(words: tf.RaggedTensor, length: int) -> tf.RaggedTensor:
    """Each word after the `length - 1` words before it, string `[N, (words)]`; before the first word stands `START`."""
    starts = tf.fill([words.nrows(), length - 1], START)
    return tf.strings.ngrams(tf.concat([starts, words], 1), length)


_JOINER, _FLAG, _TONE = r"\x{200D}", r"[\x{1F1E6}-\x{1F1FF}]{2}", r"\x{1F3FB}-\x{1F3FF}"
_CHARACTER = rf"(?:{_FLAG}|\PM[\pM{_TONE}]*(?:{_JOINER}\PM[\pM{_TONE}]*)*|\pM+)"


def characters(text: tf.Tensor) -> tf.RaggedTensor:
    """Splits texts into lower-case characters as readers see them: a letter with its marks, an emoji of several parts.

    Blanks in a row are one `BLANK`, and every text closes with `END`.

    Args:
        text: string, `[N]`.

    Returns:
        string, `[N, (characters)]`.
    """
    text = tf.strings.regex_replace(trimmed(text), " ", BLANK)
    text = tf.strings.regex_replace(text, _CHARACTER, r"\0 ")
    return tf.strings.split(tf.strings.join([text, END]))


def trimmed(text: tf.Tensor) -> tf.Tensor:
    """Cleaned texts `[N]` with one space for blanks in a row, and none at the ends."""
    text = tf.strings.regex_replace(cleaned(text), BLANKS, " ")
    return tf.strings.regex_replace(text, "^ | $", "")


def tokens(text: tf.Tensor, split_endings: bool = False) -> tf.RaggedTensor:
    """Splits texts into words and punctuation marks as treebanks do, letters kept as they are.

    Numbers, abbreviations and addresses keep the marks inside them ("3.5", "U.S", "a@b.org").

    Args:
        text: string, `[N]`; bytes that are not UTF-8 become U+FFFD.
        split_endings: Whether English endings are words of their own, as in "do n't" and "it 's".

    Returns:
        string, `[N, (words)]`.
    """
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
    if split_endings:
        text = tf.strings.regex_replace(text, r"(?i)(\pL)(n['’]t)\b", r"\1 \2")
        text = tf.strings.regex_replace(text, r"(?i)(\pL)(['’](?:s|m|d|re|ve|ll))\b", r"\1 \2")
    text = tf.strings.regex_replace(text, BLANKS, " ")
    inside = r"[\pL\pM\pN]+(?:[.,:/@_'’][\pL\pM\pN]+)*"
    ending = r"['’](?i:s|m|d|re|ve|ll)\b|" if split_endings else ""
    text = tf.strings.regex_replace(text, rf"(https?://\S*[^\s\pP]/?|{ending}{inside}|[!?]+|\.\.+|--+|\S)", r" \1 ")
    return tf.strings.split(text)


def letters(words: tf.Tensor, most: int = 32) -> tf.RaggedTensor:
    """The characters of words, string `[n, (letters)]`; for a long word, its first and last `most / 2` characters."""
    split = tf.strings.unicode_split(words, "UTF-8")
    return tf.concat([split[:, : most // 2], split[:, most // 2 :][:, -(most // 2) :]], 1)


LONGEST_PREFIX, LONGEST_SUFFIX = 4, 5
AFFIXES = LONGEST_PREFIX + LONGEST_SUFFIX + 1
"""The affixes of a word and its shape."""
SHAPES = ((r"\p{Lu}+", "A"), (r"[\p{Ll}\p{Lt}\p{Lm}\p{Lo}\pM]+", "a"), (r"\pN+", "0"))


def affixes(words: tf.Tensor) -> tf.Tensor:
    """The prefixes and suffixes of words, in lower case, and the shape of each word.

    A prefix ends with a blank, a suffix starts with one, and a shape does both. In a shape, capital letters in a row
    are "A", other letters "a" and digits "0": that of "GmbH-42" is "AaA-0".

    Args:
        words: string, `[n]`.

    Returns:
        string, `[n, AFFIXES]`: prefixes and suffixes of one letter and more, the shape; empty in short words.
    """
    small, shape = tf.strings.unicode_transcode(tf.strings.lower(words, "utf-8"), "UTF-8", "UTF-8"), words
    sizes = tf.strings.length(small, "UTF8_CHAR")[:, None]
    prefixes, suffixes = (tf.range(1, longest + 1) + 0 * sizes for longest in (LONGEST_PREFIX, LONGEST_SUFFIX))
    starts = tf.maximum(sizes - suffixes, 0)
    found = [
        tf.strings.join([tf.strings.substr(small[:, None], 0 * prefixes, prefixes, "UTF8_CHAR"), " "]),
        tf.strings.join([" ", tf.strings.substr(small[:, None], starts, suffixes, "UTF8_CHAR")]),
    ]
    found = [tf.where(sizes >= lengths, part, "") for part, lengths in zip(found, (prefixes, suffixes))]
    for kind, sign in SHAPES:
        shape = tf.strings.regex_replace(shape, kind, sign)
    shape = tf.where(sizes > 0, tf.strings.join([" ", shape, " "])[:, None], "")
    return tf.concat([*found, shape], 1)
