"""Validation and normalisation of text that people enter."""

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MAX_TITLE = 255  # code points, as in the database

# Invisible characters in the categories of letters and symbols: Hangul fillers, Braille blank.
BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def is_visible(text: str) -> bool:
    """Return whether the text contains a letter, digit, symbol or punctuation mark that can be seen."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in BLANK_LETTERS for char in text)


def require_visible(text: str) -> None:
    """Raise ValidationError if the text would look empty."""
    if not is_visible(text):
        raise ValidationError(_("Enter at least one visible character."), code="invisible")


def with_unix_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
