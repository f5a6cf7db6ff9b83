"""The settings of a site in production, but for what it is paid through: the stand-in, which the real ones refuse."""

import os
from pathlib import Path

from innopaas.settings import *  # noqa: F403  # whatever production has

STRIPE_API_BASE = os.environ["LOAD_STAND_IN"]
STATIC_ROOT = Path(os.environ["LOAD_STATIC"])
WSGI_APPLICATION = "tests.load.proxy.application"
