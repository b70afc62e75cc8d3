"""Recurrent cells: the registry and one file a cell; and controls that have no recurrence."""

from common.cells.names import names as names
from common.cells.registry import get as get
from common.cells.registry import initializer as initializer
from common.cells.registry import is_recurrent as is_recurrent
from common.cells.registry import keras_cell as keras_cell
