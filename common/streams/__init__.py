"""From sequences of any length to lanes, and from lanes to windows."""

from common.streams.packing import pack as pack
from common.streams.sequences import Pieces as Pieces
from common.streams.sequences import Sequences as Sequences
from common.streams.stream import Stream as Stream
from common.streams.stream import Window as Window
