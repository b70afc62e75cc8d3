"""Sequences of vectors of the `.ts` files of the UEA and UCR archives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from common.errors import InputError
from common.sources.signals.records import LARGEST, Signal


def of_ts(text: str, place: str, *, labelled: bool = True) -> Iterator[Signal]:
    """The sequences of a `.ts` file: a line for each, a field for each dimension and for the label, `:` between.

    Raises:
        InputError: A line is not of this form.
    """
    header, data = {}, False
    for number, line in enumerate(text.splitlines(), 1):
        line, here = line.strip(), f"{place}:{number}"
        if not line or line.startswith("#"):
            continue
        if not data:
            words = line.lower().split()
            if not line.startswith("@"):
                raise InputError(f"{here}: {line[:60]!r} before @data; give a .ts file of the UEA and UCR archives")
            header[words[0]] = words[1:]
            data = words[0] == "@data"
            if data and header.get("@timestamps") == ["true"]:
                raise InputError(f"{here}: values with time stamps; give values alone, in order")
            continue
        has_label = header.get("@classlabel", ["false"])[0] == "true"
        fields = line.split(":")
        if labelled and not has_label:
            raise InputError(f"{place}: no @classLabel; give labelled sequences")
        labels = (fields.pop().strip(),) if has_label and len(fields) > 1 else ()
        try:
            values = np.array([[float(cell) for cell in field.split(",")] for field in fields], np.float64).T
        except ValueError as error:
            raise InputError(f"{here}: not numbers, or dimensions of different lengths; give both alike") from error
        if not (np.abs(values) <= LARGEST).all():
            raise InputError(f"{here}: a missing or too large value; give numbers of float32")
        columns = tuple(f"dimension_{n}" for n in range(1, len(fields) + 1))
        yield Signal(str(number), values, labels, columns, here)
    if not data:
        raise InputError(f"{place}: no @data; give a .ts file of the UEA and UCR archives")
