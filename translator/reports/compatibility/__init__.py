"""The compatibility of two dialects: a row for each thing that one of them says, with its treatment in the other."""

from translator.reports.compatibility.page import as_json, as_markdown, as_text
from translator.reports.compatibility.pairs import rows
from translator.reports.compatibility.row import VERDICTS, Row

__all__ = ["VERDICTS", "Row", "as_json", "as_markdown", "as_text", "rows"]
