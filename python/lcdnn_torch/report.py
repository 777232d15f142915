"""Reports to lcdnn: a line of JSON for each event on standard output, only from the first process."""

import json
from typing import Any

from torch import distributed


def is_first() -> bool:
    """Whether this is the process that reports and saves."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def report(event: str, **values: Any) -> None:
    if is_first() or event == "out-of-memory":
        print(json.dumps({"event": event, **values}), flush=True)
