"""Plot list requests per second by the number of tasks that a user owns."""

from __future__ import annotations

from pathlib import Path

import pygal
from pygal.style import Style

COLORS = ("#2f81f7", "#8b949e", "#2da44e", "#d4731c")  # visible on white and on black
TEXT_COLOR = """
svg { color: #1f2328; }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3; } }
"""


def plot(throughput: dict[str, dict[int, float]], path: Path) -> None:
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
        colors=COLORS,
        font_family="system-ui, sans-serif",
        label_font_size=13,
        major_label_font_size=13,
    )
    chart = pygal.Line(
        style=style,
        title="List requests per second by tasks owned (8 connections)",
        logarithmic=True,
        js=[],
        css=["file://style.css", "file://graph.css", f"inline:{TEXT_COLOR}"],
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
    highest = max(rate for rates in throughput.values() for rate in rates.values())
    labels = (digit * 10**power for power in range(5) for digit in (1, 2, 5))
    chart.y_labels = [label for label in labels if label <= 2 * highest]
    chart.x_labels = [f"{tasks:,}" for tasks in next(iter(throughput.values()))]
    for name, rates in throughput.items():
        chart.add(name, [round(rate, 1) for rate in rates.values()])
    path.write_text(chart.render(is_unicode=True) + "\n")
