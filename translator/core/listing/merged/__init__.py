"""Lists over both providers of an account that moves from one to the other."""

from translator.core.listing.merged.merged_list import at_homes, list_merged
from translator.core.listing.merged.page import MergedPage

__all__ = ["MergedPage", "at_homes", "list_merged"]
