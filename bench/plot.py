"""The plot beside the results: how many lists a second, by how many tasks somebody owns."""

from __future__ import annotations

from pathlib import Path

import pygal
from pygal.style import Style

COLOURS = ("#2f81f7", "#8b949e", "#2da44e", "#d4731c")  # to be seen on white and on black
WORDS = """
svg { color: #1f2328; }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3; } }
"""


def plot(throughput: dict[str, dict[int, float]], path: Path) -> None:
    font = "system-ui, sans-serif"
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="currentColor",
        foreground_strong="currentColor",
        foreground_subtle="#8b949e",
        guide_stroke_color="#8b949e66",
        major_guide_stroke_color="#8b949e66",
        guide_stroke_dasharray="none",
        major_guide_stroke_dasharray="none",
        colors=COLOURS,
        font_family=font,
        title_font_family=font,
        legend_font_family=font,
        label_font_family=font,
        major_label_font_family=font,
        label_font_size=13,
        major_label_font_size=13,
    )
    chart = pygal.Line(
        style=style,
        title="Lists a second, by the tasks that somebody owns (8 connections)",
        logarithmic=True,
        js=[],
        css=["file://style.css", "file://graph.css", f"inline:{WORDS}"],
        legend_at_bottom=True,
        legend_at_bottom_columns=1,
        truncate_legend=-1,
        truncate_label=-1,
        dots_size=4,
        stroke_style={"width": 2},
        no_prefix=True,
        disable_xml_declaration=True,
        margin_right=40,
        width=800,
        height=560,
    )
    most = max(rate for by_owned in throughput.values() for rate in by_owned.values())
    chart.y_labels = [digit * 10**power for power in range(5) for digit in (1, 2, 5) if digit * 10**power <= 2 * most]
    chart.x_labels = [f"{owned:,}" for owned in next(iter(throughput.values()))]
    for name, by_owned in throughput.items():
        chart.add(name, [round(rate, 1) for rate in by_owned.values()])
    path.write_text(chart.render(is_unicode=True) + "\n")
