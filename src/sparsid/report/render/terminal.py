"""Making text from files safe to print on a terminal."""

import re
import unicodedata

# C0 and C1 controls, line separators, lone surrogates, and the controls of bidirectional text.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_REPLACED = "\ufffd"
_ISOLATE, _POP = "\u2068", "\u2069"
_RIGHT_TO_LEFT = ("R", "AL")
_NEUTRAL = ("NSM", "EN", "AN", "WS", "ES", "CS", "ON")  # allowed within a run, not at its ends


def terminal_text(text: object) -> str:
    """One line of text without control characters.

    Control characters and lone surrogates become U+FFFD. Each run of right-to-left text is enclosed
    in U+2068 and U+2069, so that it does not reorder the surrounding text (Unicode UAX #9).
    """
    safe = _UNSAFE.sub(_REPLACED, str(text))
    return safe if safe.isascii() else _isolated(safe)


def _isolated(text: str) -> str:
    """The text with its right-to-left runs isolated."""
    kinds = [unicodedata.bidirectional(letter) for letter in text]
    parts, at = [], 0
    while at < len(text):
        if kinds[at] not in _RIGHT_TO_LEFT:
            parts.append(text[at])
            at += 1
            continue
        end = at + 1
        for after in range(at + 1, len(text)):
            if kinds[after] in _RIGHT_TO_LEFT or kinds[after] == "NSM":
                end = after + 1
            elif kinds[after] not in _NEUTRAL or text[after] in ",;":
                break
        parts.append(f"{_ISOLATE}{text[at:end]}{_POP}")
        at = end
    return "".join(parts)
