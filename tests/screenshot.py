#!/usr/bin/env python3
"""The two steps of tests/screenshots that a shell cannot do. Needs nothing but Python itself.

usage: screenshot.py html COLUMNS ROWS dark|light <capture >page.html
       screenshot.py crop HEIGHT FILE.png

`html` turns what `tmux capture-pane -e -p` prints (SGR with 16, 256 and 16 M colours) into a page
that looks like the terminal. `crop` keeps the upper HEIGHT pixels of a picture: a headless
Chromium's window is taller than the page it shows.
"""

import html
import re
import struct
import sys
import unicodedata
import zlib

# Size of a cell in CSS pixels; the picture's size follows from it.
CELL_WIDTH, CELL_HEIGHT, MARGIN = 9, 19, 10
# DejaVu Sans Mono is 1233/2048 as wide as it is high; so its characters fill their cells.
FONT_SIZE = CELL_WIDTH * 2048 / 1233

BASE = {
    "dark": "1d2129 e06c75 98c379 e5c07b 61afef c678dd 56b6c2 c8ccd4 "
            "6b7280 ff8a92 b5e890 ffd68a 8cc8ff e0a0f0 7fdbe6 ffffff",
    "light": "24292f c4162a 1a7f37 8a6100 0550ae 8250df 1b7c83 6e7781 "
             "57606a a40e26 116329 633c01 0969da 6639ba 3192aa 24292f",
}
PLAIN = {"dark": ("d5d9e0", "14171c"), "light": ("1f2328", "ffffff")}


def palette(theme):
    colours = BASE[theme].split()
    steps = [0, 95, 135, 175, 215, 255]
    for r in steps:
        for g in steps:
            colours += [f"{r:02x}{g:02x}{b:02x}" for b in steps]
    colours += [f"{8 + 10 * i:02x}" * 3 for i in range(24)]
    return colours


class Pen:
    """The style in force."""

    def __init__(self, theme):
        self.colours = palette(theme)
        self.plain = PLAIN[theme]
        self.reset()

    def reset(self):
        self.fg = self.bg = None
        self.flags = set()

    def apply(self, codes):
        codes = [int(c or 0) for c in re.split("[;:]", codes)]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in (1, 2, 3, 4, 7, 9):
                self.flags.add(code)
            elif code == 22:
                self.flags -= {1, 2}
            elif code in (23, 24, 27, 29):
                self.flags.discard(code - 20)
            elif code in (38, 48):
                colour = self.extended(codes)
                if code == 38:
                    self.fg = colour
                else:
                    self.bg = colour
            elif code == 39:
                self.fg = None
            elif code == 49:
                self.bg = None
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self.fg = self.colours[code - 30 if code < 90 else code - 82]
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self.bg = self.colours[code - 40 if code < 100 else code - 92]

    def extended(self, codes):
        if codes.pop(0) == 5:
            return self.colours[codes.pop(0)]
        rgb, codes[:3] = codes[:3], []
        return "".join(f"{c:02x}" for c in rgb)

    def css(self):
        fg, bg = self.fg or self.plain[0], self.bg or self.plain[1]
        if 7 in self.flags:
            fg, bg = bg, fg
        css = f"color:#{fg};"
        if bg != self.plain[1]:
            css += f"background:#{bg};"
        if 1 in self.flags:
            css += "font-weight:bold;"
        if 2 in self.flags:
            css += "opacity:.65;"
        if 3 in self.flags:
            css += "font-style:italic;"
        lines = [name for flag, name in ((4, "underline"), (9, "line-through")) if flag in self.flags]
        if lines:
            css += f"text-decoration:{' '.join(lines)};"
        return css


def cells(text):
    """Each character with the number of columns it takes; marks that combine go with their base."""
    out = []
    for char in text:
        if unicodedata.combining(char) or char in "\u200d\ufe0e\ufe0f":
            if out:
                out[-1][0] += char
            continue
        out.append([char, 2 if unicodedata.east_asian_width(char) in "WF" else 1])
    return out


def line(text, pen):
    """One row: runs of ASCII as they are, everything else pinned to its column."""
    out, column = [], 0
    for part in re.split("(\x1b\\[[0-9;:]*m|\x1b\\([0B]|\x0e|\x0f)", text):
        if part.startswith("\x1b["):
            pen.apply(part[2:-1])
        elif part and part[0] not in "\x1b\x0e\x0f":
            css = pen.css()
            for run in re.findall("[\x20-\x7e]+|[^\x20-\x7e]", part):
                for char, width in [[run, len(run)]] if run.isascii() else cells(run):
                    at = f"left:{column * CELL_WIDTH}px;width:{width * CELL_WIDTH}px;"
                    out.append(f'<i style="{at}{css}">{html.escape(char)}</i>')
                    column += width
    return f"<p>{''.join(out)}</p>"


def to_html(columns, rows, theme):
    pen = Pen(theme)
    screen = sys.stdin.buffer.read().decode("utf-8", "replace").split("\n")[:rows]
    fg, bg = PLAIN[theme]
    style = f"""
      html {{ background: #{bg}; }}
      body {{ margin: {MARGIN}px; width: {columns * CELL_WIDTH}px; color: #{fg};
        font: {FONT_SIZE:.4f}px/{CELL_HEIGHT}px "DejaVu Sans Mono", "Liberation Mono", monospace; }}
      p {{ position: relative; margin: 0; height: {CELL_HEIGHT}px; }}
      i {{ position: absolute; height: {CELL_HEIGHT}px; white-space: pre; font-style: normal; }}"""
    print(f"<!doctype html><meta charset=utf-8><style>{style}</style>")
    for text in screen:
        print(line(text, pen))


def crop(height, path):
    with open(path, "rb") as file:
        png = file.read()
    chunks, at = [], 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        chunks.append((kind, png[at + 8:at + 8 + length]))
        at += 12 + length
    header = dict(chunks)[b"IHDR"]
    width, _, depth, colour = struct.unpack(">IIBB", header[:10])
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    # A row is only ever predicted from the row above it, so the rest can simply go.
    row = 1 + (width * channels * depth + 7) // 8
    rows = zlib.decompress(b"".join(data for kind, data in chunks if kind == b"IDAT"))[:row * height]
    header = struct.pack(">II", width, len(rows) // row) + header[8:]
    with open(path, "wb") as file:
        file.write(png[:8])
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")):
            file.write(struct.pack(">I", len(data)) + kind + data)
            file.write(struct.pack(">I", zlib.crc32(kind + data)))


def main():
    if sys.argv[1] == "html":
        to_html(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    else:
        crop(int(sys.argv[2]), sys.argv[3])


if __name__ == "__main__":
    main()
