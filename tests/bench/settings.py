"""The site's settings, with the bench's bare pages beside the real ones."""

import os
from pathlib import Path

from innopaas.settings import *  # noqa: F403  # settings are names of a module

STATIC_ROOT = Path(os.environ["BENCH_STATIC"])
ROOT_URLCONF = "tests.bench.bare_pages"
