"""The plot beside the results: how many lists a second, by how many tasks somebody owns."""

from __future__ import annotations

from pathlib import Path

import pygal
from pygal.style import Style

# Readable on white and on black; the words and lines of the plot itself take the colour of what it stands on.
COLOURS = ("#2f81f7", "#8b949e", "#2da44e", "#d4731c", "#a371f7")
WORDS = """
{{ id }} .title, {{ id }} .legend text, {{ id }} .axis text { fill: #1f2328; font-family: system-ui, sans-serif; }
{{ id }} .axis .line, {{ id }} .axis .guide.line { stroke: #8b949e; }
@media (prefers-color-scheme: dark) {
  {{ id }} .title, {{ id }} .legend text, {{ id }} .axis text { fill: #e6edf3; }
}
"""


def plot(throughput: dict[str, dict[int, float]], path: Path) -> None:
    style = Style(background="transparent", plot_background="transparent", colors=COLOURS, title_font_size=16)
    chart = pygal.Line(
        style=style,
        title="Lists a second, by the tasks that somebody owns (8 connections)",
        logarithmic=True,
        js=[],
        css=["file://style.css", "file://graph.css", f"inline:{WORDS}"],
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        truncate_legend=-1,
        dots_size=4,
        stroke_style={"width": 2},
        disable_xml_declaration=True,
        width=800,
        height=480,
    )
    chart.x_labels = [f"{owned:,}" for owned in next(iter(throughput.values()))]
    for name, by_owned in throughput.items():
        chart.add(name, [round(rate, 1) for rate in by_owned.values()])
    path.write_text(chart.render(is_unicode=True) + "\n")
