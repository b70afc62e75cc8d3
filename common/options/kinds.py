"""Kinds of option values, checked when the command line is read."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

Count = Annotated[int, Parameter(validator=Number(gte=1))]
Whole = Annotated[int, Parameter(validator=Number(gte=0))]
WIDEST = 50
"""Maximum number of hypotheses that a beam search keeps: no caller can ask for more memory than with so many."""
Beam = Annotated[int, Parameter(validator=Number(gte=1, lte=WIDEST))]
Share = Annotated[float, Parameter(validator=Number(gte=0, lt=1))]
NotNegative = Annotated[float, Parameter(validator=Number(gte=0))]
Positive = Annotated[float, Parameter(validator=Number(gt=0))]
