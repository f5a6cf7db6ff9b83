#!/usr/bin/env python
"""Django's command line; settings come from the environment (README, "Settings")."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "innopaas.settings")
    execute_from_command_line(sys.argv)
