"""Recurrent cells, one file each; controls, which have no recurrence; and the registry of both."""

from common.cells.names import ActivationName as ActivationName
from common.cells.names import CellName as CellName
from common.cells.names import InitializerName as InitializerName
from common.cells.names import TrainableName as TrainableName
from common.cells.registry import control as control
from common.cells.registry import control_names as control_names
from common.cells.registry import get as get
from common.cells.registry import is_recurrent as is_recurrent
from common.cells.registry import keras_cell as keras_cell
from common.cells.registry import names as names
