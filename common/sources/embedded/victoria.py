"""The embedded forecasting data: half-hourly electricity demand of Victoria, Australia, 2014."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from common.sources.series import Panel, SeriesReader

FILE = Path(__file__).with_name("data") / "victoria_demand.csv.gz"
TARGETS = ("demand_gw",)
UNIT = "GW"
KNOWN = ("workday", "temperature_c")


def load(reader: SeriesReader) -> Panel:
    """Reads the demand, with workday and temperature as covariates where the reader names no other columns.

    Raises:
        InputError: The reader names columns that are not there.
    """
    targets = tuple(reader.targets) or TARGETS
    unit = UNIT if reader.unit is None and targets == TARGETS else reader.unit
    known = KNOWN if reader.known is None else reader.known
    reader = replace(reader, targets=targets, known=known, time_column="time", unit=unit)
    return reader.panel(FILE, "electricity demand of Victoria, 2014")
