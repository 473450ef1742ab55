"""Builds the site: `python -m docs.site`."""

import sys

from docs.site.assemble import assemble
from docs.site.checked import build

if __name__ == "__main__":
    assemble()
    sys.exit(build())
