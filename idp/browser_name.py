"""A browser's name as people know it, from its User-Agent: for the list of signed-in browsers. Pure, a guess."""

from __future__ import annotations

from typing import Final

# The first that fits counts: most browsers also claim to be Chrome and Safari.
_BROWSERS: Final = (
    ("MicroMessenger/", "微信"),
    ("DingTalk/", "钉钉"),
    ("Edg/", "Edge"),
    ("QQBrowser/", "QQ 浏览器"),
    ("UCBrowser/", "UC"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_LENGTH: Final = 40


def browser_name(user_agent: str) -> str:
    """Return `Chrome · Windows`, or the beginning of what the browser says where it is none of the usual ones."""
    names = [next((name for sign, name in known if sign in user_agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, names)) or user_agent[:_LENGTH]
