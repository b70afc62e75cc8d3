"""Time series from a user's files: what holds times, series and values in them, and how the times are spaced."""

from common.sources.series.layout import SERIES as SERIES
from common.sources.series.panels import Group as Group
from common.sources.series.panels import Panel as Panel
from common.sources.series.reader import Missing as Missing
from common.sources.series.reader import SeriesReader as SeriesReader
from common.sources.series.spacing import DAY as DAY
from common.sources.series.spacing import HOUR as HOUR
from common.sources.series.spacing import MINUTE as MINUTE
from common.sources.series.spacing import MONTH as MONTH
from common.sources.series.spacing import STEP as STEP
from common.sources.series.spacing import WEEK as WEEK
from common.sources.series.spacing import YEAR as YEAR
from common.sources.series.spacing import as_text as as_text
from common.sources.series.spacing import as_times as as_times
from common.sources.series.spacing import from_text as from_text
from common.sources.series.spacing import spaced as spaced
from common.sources.series.spacing import spaced_finely as spaced_finely
