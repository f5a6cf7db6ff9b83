"""What a browser calls itself, in two words that its owner knows again."""

from typing import Final

from django.utils.translation import gettext as _

_BROWSERS: Final = {
    "MicroMessenger/": "WeChat",
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "FxiOS/": "Firefox",
    "Firefox/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
"""In this order: most say that they are Chrome and Safari as well."""

_SYSTEMS: Final = {
    "OpenHarmony": "HarmonyOS",
    "HarmonyOS": "HarmonyOS",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Macintosh": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def describe(agent: str) -> str:
    """Browser and system; what is unknown is said to be so, and nothing of `agent` itself is shown."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in agent), _("Unknown browser"))
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), "")
    return f"{browser} · {system}" if system else browser
