"""The site's settings and a language that is written from right to left, which has no catalogue of ours."""

from todo_site.settings import *  # noqa: F403
from todo_site.settings import LANGUAGES

LANGUAGES = [*LANGUAGES, ("ar", "العربية")]
