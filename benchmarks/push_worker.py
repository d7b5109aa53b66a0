"""Enamel's worker as `enamel work` runs it, all its loops, but for where Google is: `python -m benchmarks.push_worker`.

A line obeys Google's address alone for its access tokens; here ENAMEL_FCM_URL gives both. The benchmark makes its
schema straight from the tables, so no revision is asked for.
"""

import sys

from core.settings import Settings
from enamel import start, work
from push.switchboard import Places


def main() -> int:
    settings = Settings()
    places = Places(fcm=settings.fcm_url, fcm_tokens=f"{settings.fcm_url}/token")
    vars(start)["places_of"] = lambda _: places  # of this process alone, both
    vars(work)["check_schema"] = lambda _: None
    return work.work(settings)


if __name__ == "__main__":
    sys.exit(main())
