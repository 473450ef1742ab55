"""A picture as an SVG document: text without a script, readable on a dark and on a light ground."""

import re
from collections.abc import Iterator
from html import escape
from typing import Final

from agents.timeline.picture import Bar, Dot, Label, Picture

STYLE: Final = """
svg{--ground:#fff;--ink:#1c2430;--soft:#5b6675;--grid:#dfe4ea;--wait:#c9d1db;--reasoning:#a78bda;--text:#3b82c4;
--arguments:#2a9d8f;--tools:#e3e8ee;--queued:#c9d1db;--approval:#e0a526;--run:#3f9d5a;--bad:#c62f3b;--good:#2c7a44;
font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;background:var(--ground)}
@media(prefers-color-scheme:dark){svg{--ground:#14181f;--ink:#e6eaf0;--soft:#9aa6b5;--grid:#2b323d;--wait:#475261;
--reasoning:#9a7fd1;--text:#5a9ddb;--arguments:#3bb3a4;--tools:#262d37;--queued:#475261;--approval:#e6b84a;--run:#55b672;
--bad:#f0717b;--good:#6cc487}}
.ground{fill:var(--ground)}.line{stroke:var(--grid)}.title{fill:var(--ink)}.tick,.figure,.legend{fill:var(--soft)}
.wait{fill:var(--wait)}.reasoning{fill:var(--reasoning)}.text{fill:var(--text)}.arguments{fill:var(--arguments)}
.tools{fill:var(--tools)}.queued{fill:var(--queued)}.approval{fill:var(--approval)}.run{fill:var(--run)}
.void{opacity:.4}.mark{fill:var(--soft);stroke:var(--ground)}
.killed,.failed,.error,.denied,.reset,.warning{fill:var(--bad)}.complete,.result{fill:var(--good)}
.cancelled{fill:var(--approval)}
"""
"""The colours of the kinds. Kinds are words of this package, so a class name needs no escape."""

DOT_PX: Final = 4
NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that a document of XML 1.0 can't contain, even escaped."""


def svg(picture: Picture) -> str:
    """Return the picture as the text of an SVG file."""
    return "".join(_elements(picture))


def _elements(picture: Picture) -> Iterator[str]:
    width, height = f"{picture.width:g}", f"{picture.height:g}"
    yield f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
    yield f'width="{width}" height="{height}">'
    yield f"<title>{_text(picture.description)}</title><style>{STYLE}</style>"
    yield f'<rect class="ground" width="{width}" height="{height}"/>'
    for line in picture.lines:
        yield f'<line class="line" x1="{line.x:g}" x2="{line.x:g}" y1="{line.y1:g}" y2="{line.y2:g}"/>'
    yield from map(_bar, picture.bars)
    yield from map(_dot, picture.dots)
    yield from map(_label, picture.labels)
    yield "</svg>\n"


def _bar(bar: Bar) -> str:
    kind = f"{bar.kind} void" if bar.void else bar.kind
    return (
        f'<rect class="{kind}" x="{bar.x:g}" y="{bar.y:g}" width="{bar.width:g}" height="{bar.height:g}" rx="2">'
        f"<title>{_text(bar.title)}</title></rect>"
    )


def _dot(dot: Dot) -> str:
    return (
        f'<circle class="mark {dot.kind}" cx="{dot.x:g}" cy="{dot.y:g}" r="{DOT_PX}">'
        f"<title>{_text(dot.title)}</title></circle>"
    )


def _label(label: Label) -> str:
    place = f'x="{label.x:g}" y="{label.y:g}" text-anchor="{label.anchor}"'
    return f'<text class="{label.kind}" {place}>{_text(label.text)}</text>'


def _text(text: str) -> str:
    return escape(NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))
