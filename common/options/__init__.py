"""The options that every task shares; a task extends them, and the command line is made from them."""

from common.options.budget import fitting_lanes as fitting_lanes
from common.options.budget import fitting_passes as fitting_passes
from common.options.fields import meanings as meanings
from common.options.fields import option as option
from common.options.kinds import WIDEST as WIDEST
from common.options.kinds import Beam as Beam
from common.options.kinds import Count as Count
from common.options.kinds import Folder as Folder
from common.options.kinds import Layers as Layers
from common.options.kinds import NotNegative as NotNegative
from common.options.kinds import Positive as Positive
from common.options.kinds import Seed as Seed
from common.options.kinds import Share as Share
from common.options.kinds import Steps as Steps
from common.options.kinds import Whole as Whole
from common.options.parsing import as_arguments as as_arguments
from common.options.parsing import differences as differences
from common.options.parsing import from_saved as from_saved
from common.options.parsing import parsed as parsed
from common.options.shared import FORMAT as FORMAT
from common.options.shared import TFDS as TFDS
from common.options.shared import DataOptions as DataOptions
from common.options.shared import SavedOptions as SavedOptions
from common.options.shared import StudyOptions as StudyOptions
from common.options.shared import TrainOptions as TrainOptions
