"""Sequences of vectors with labels, from a user's files."""

from common.sources.signals.archives import of_ts as of_ts
from common.sources.signals.reader import SignalReader as SignalReader
from common.sources.signals.records import Signal as Signal
from common.sources.signals.records import Signals as Signals
from common.sources.signals.records import check_columns as check_columns
