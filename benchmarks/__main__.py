"""`python -m benchmarks [lives] [city] [relay] [console] [parts] [observing] [peers]`: runs the named benchmarks, all of them without a name, and prints their figures."""

import sys

from benchmarks import city, console, lives, observing, parts, peers, relay

ALL = {
    "lives": lives.main,
    "city": city.main,
    "relay": relay.main,
    "console": console.main,
    "parts": parts.main,
    "observing": observing.main,
    "peers": peers.main,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name]()
