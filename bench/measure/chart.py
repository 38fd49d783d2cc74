# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Bar charts as SVG, written by hand: groups of bars with their values."""

from html import escape

COLORS = {"noflows": "#4fae83", "bare": "#9aa5b1", "l4": "#7bc8a4", "weft": "#1f8a5f", "policy": "#14613f", "haproxy": "#e0a458", "envoy": "#b56576"}
ROW, GAP, LEFT, WIDTH, TOP = 15, 12, 210, 460, 62


def bar_chart(title, groups, series, form, line=None):
    """|groups|: [(label, {series: value})]; |line| is drawn across at that value. Returns the SVG text."""
    most = max([v for _, values in groups for v in values.values()] + [line or 0]) or 1
    parts, y = [], TOP
    for label, values in groups:
        bars = [(name, values[name]) for name in series if name in values]
        parts.append(text(LEFT - 8, y + len(bars) * ROW / 2 + 4, label, 'text-anchor="end"'))
        for name, value in bars:
            parts.append(bar(y, value / most * WIDTH, COLORS[name], form.format(value)))
            y += ROW
        y += GAP
    if line:
        x = LEFT + line / most * WIDTH
        parts.append(f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" y2="{y - GAP + 4}" stroke="#444" stroke-dasharray="4 3"/>')
    size = f'width="{LEFT + WIDTH + 80}" height="{y + 6}"'
    return (f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n{text(12, 22, title, ATTRIBUTES_TITLE)}\n'
            + "\n".join(legend(series) + parts) + "\n</svg>\n")


ATTRIBUTES_TITLE = 'font-size="15" font-weight="bold"'


def bar(y, length, color, value):
    return (f'<rect x="{LEFT}" y="{y}" width="{max(length, 0.5):.1f}" height="{ROW - 2}" fill="{color}"/>'
            + text(LEFT + length + 5, y + ROW - 4, value, 'font-size="11"'))


def legend(series):
    return [f'<rect x="{LEFT + 90 * i}" y="34" width="11" height="11" fill="{COLORS[name]}"/>' + text(LEFT + 90 * i + 16, 44, name)
            for i, name in enumerate(series)]


def text(x, y, content, attributes=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(content)}</text>'
