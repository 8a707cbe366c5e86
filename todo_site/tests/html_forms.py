"""The forms of a page, as a browser without JavaScript sends them."""

from __future__ import annotations

from html.parser import HTMLParser


class Forms(HTMLParser):
    """The forms of a page, as a browser without JavaScript would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self.name: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form" and found.get("method") != "dialog":
            self.forms.append((found.get("action", ""), []))
        elif tag == "input" and "name" in found and found.get("type") != "checkbox":
            self.forms[-1][1].append((found["name"], found.get("value", "")))
        elif tag == "textarea" and "name" in found:
            self.name = found["name"]
            self.forms[-1][1].append((self.name, ""))

    def handle_data(self, data: str) -> None:
        if self.name:
            fields = self.forms[-1][1]
            fields[-1] = (self.name, fields[-1][1] + data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.name:
            fields, self.name = self.forms[-1][1], None
            fields[-1] = (fields[-1][0], fields[-1][1].removeprefix("\n"))


def the_form(page: str) -> tuple[str, dict[str, list[str]]]:
    """Where the last form of a page goes to, and what it would send: the header has one for signing out."""
    action, pairs = Forms(page).forms[-1]
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return action, fields
