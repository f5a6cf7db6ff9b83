"""`make screens`: the pictures of README and handbooks, taken anew of a site with the demo, into docs/screens."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from innopaas.local.trouble import Trouble
from tests.browser.chromium import launched
from tests.browser.site import PROJECT, running
from tests.screens import customers, finance, ops

FOLDER: Final = PROJECT / "docs" / "screens"
_HEAVIEST: Final = 5_000_000


def main() -> int:
    with tempfile.TemporaryDirectory() as taken:
        try:
            _take(Path(taken))
        except Trouble as trouble:
            sys.stderr.write(f"screens: {trouble}\n")
            return 1
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(taken, FOLDER)
    return _tell()


def _take(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as home, running(Path(home), demo=()) as site, launched() as browser:
        customers.take(browser, site, folder)
        finance.prepare(browser, site, folder)
        finance.take(browser, site, folder, language="en")
        finance.take(browser, site, folder, language="zh-hans")
        finance.take_tiles(browser, site, folder)
        ops.take(browser, site, folder)


def _tell() -> int:
    pictures = sorted(FOLDER.glob("*.png"))
    weight = sum(picture.stat().st_size for picture in pictures)
    sys.stdout.write(f"screens: {len(pictures)} pictures of {weight:,} bytes in {FOLDER}; look at each.\n")
    return 0 if weight <= _HEAVIEST else 1


if __name__ == "__main__":
    sys.exit(main())
