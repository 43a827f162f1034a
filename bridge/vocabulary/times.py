"""The one time zone of the exchange.

Every moment in the product is an aware `datetime`. Moments without a zone on the wire are read as
Asia/Shanghai. China has kept UTC+8 without daylight saving since 1991, so a fixed offset is exact
for every moment the product can meet and does not depend on the machine's zone database.
"""

from datetime import datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def in_shanghai(moment: datetime) -> datetime:
    """The same moment in Asia/Shanghai; a moment without a zone is taken to be there already."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=SHANGHAI)
    return moment.astimezone(SHANGHAI)
