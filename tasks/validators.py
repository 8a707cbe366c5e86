"""What people type: what counts as a title, and how line ends are kept."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MAX_TITLE = 255  # in code points, as the table counts them

# Letters and symbols by category that nevertheless draw nothing: Hangul fillers, Braille blank.
BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def is_visible(text: str) -> bool:
    """Whether anything of ``text`` can be seen: a letter, digit, symbol or sign, not only spaces and marks."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in BLANK_LETTERS for char in text)


def require_visible(text: str) -> None:
    """Raise ValidationError for a text that would look empty."""
    if not is_visible(text):
        raise ValidationError(_("Write at least one letter, digit or sign that can be seen."), code="invisible")


def with_unix_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
