"""Enamel as `enamel serve` runs it, but nobody is told to go slower: `python -m benchmarks.chat_enamel`.

A patient may send ten messages at once and then one a second, an address may open twenty sockets a minute. W-chat asks
for more of few people from one address. So the rates are asked and counted as always, and their refusal alone is
passed over; everything else is the product's: settings, sign-in, rights, limits of size, hub, sweep and wake-ups.
"""

import contextlib
import sys
from collections.abc import Hashable

from chat.conversation import Rate
from chat.pace import Paces
from core.settings import Settings
from enamel.api_ports import api_ports
from enamel.serve import stops_on_sigterm, uvicorn_server


def unhurried() -> None:
    """Rates are counted, and none refuses."""
    counted = Paces.take

    def take(self: Paces, who: Hashable, rate: Rate, at: float) -> float:
        counted(self, who, rate, at)
        return 0.0

    Paces.take = take  # type: ignore[method-assign]  # of this process alone


def main() -> int:
    settings = Settings()
    unhurried()
    with stops_on_sigterm(), contextlib.suppress(KeyboardInterrupt):
        http = uvicorn_server(api_ports(settings, settings.database_url), settings)
        http.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
