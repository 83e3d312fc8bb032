"""What the service logs: searches as impressions and what came of them, in the contract's own columns.

journal   entries as they come, appended
tables    entries to `raw_search_log` and `raw_experiment_log`
rolls     journals to parquet
log       the log of a running service: a thread writes, searches stay open for events
"""

from roar.service.logs.log import Event, RefusedError, Search, SearchLog, UnavailableError
from roar.service.logs.rolls import EXPERIMENT_LOG, SEARCH_LOG

__all__ = ["EXPERIMENT_LOG", "SEARCH_LOG", "Event", "RefusedError", "Search", "SearchLog", "UnavailableError"]
