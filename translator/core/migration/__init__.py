"""The change of an account from one provider to another: its rules, its present stage, and what follows from both."""

from translator.core.migration.choice import Choice, choose, is_in_share
from translator.core.migration.evidence import Facts, missing, next_step
from translator.core.migration.guard import Counts, stopped_by
from translator.core.migration.rules import HOMES, STAGES, Guard, Home, MigrationRules, Stage
from translator.core.migration.stage import UNREAD, MigrationStage, ReadMode, begins, reads
from translator.core.migration.transitions import (
    Change,
    NotAllowed,
    advanced,
    at_cut_over,
    released,
    rolled_back,
    stopped,
    with_percent,
)

__all__ = [
    "HOMES",
    "STAGES",
    "UNREAD",
    "Change",
    "Choice",
    "Counts",
    "Facts",
    "Guard",
    "Home",
    "MigrationRules",
    "MigrationStage",
    "NotAllowed",
    "ReadMode",
    "Stage",
    "advanced",
    "at_cut_over",
    "begins",
    "choose",
    "is_in_share",
    "missing",
    "next_step",
    "reads",
    "released",
    "rolled_back",
    "stopped",
    "stopped_by",
    "with_percent",
]
