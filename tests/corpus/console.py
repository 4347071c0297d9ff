#!/usr/bin/env python3
"""Makes console.tsv of the recorder's files: SET=FILE... on the command line.

One line is one sentence: set, scenario, browser, text. Left out is what a browser says besides the
fault: the net error that follows it, the vaguer second sentence of Firefox, warnings.
"""

import json
import re
import sys

FAULT = re.compile(r"Cross-Origin Request Blocked: .* at ‘?(.*?)’?\. \(Reason")
VAGUE = "did not succeed). Status code: (null)"
CHROMIUM = ("Access to ", "Mixed Content", "Failed to load resource: net::")
FIREFOX = (
    "Blocked loading mixed active",
    "The resource at",
    "The resource from",
    "Content-Security-Policy: The",
    "Loading module from",
)


def chromium(texts):
    for text in texts:
        policy = "violates the following Content Security" in text and "report-only" not in text
        net = "ERR_FAILED" in text or (
            text.startswith("Mixed Content") and "has been blocked" not in text
        )
        if policy or (text.startswith(CHROMIUM) and not net):
            yield text


def firefox(texts, single):
    named = {}
    for at, text in enumerate(texts):
        match = FAULT.match(text)
        if match:
            kept = named.get(match.group(1))
            if kept is None or (VAGUE in texts[kept] and VAGUE not in text):
                named[match.group(1)] = at
    special = [t for t in texts if t.startswith(FIREFOX) or "request not http" in t]
    for at, text in enumerate(texts):
        if single and special and VAGUE in text:
            continue
        if at in named.values() or text.startswith(FIREFOX):
            yield text


def main():
    before = []
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        for line in open(path):
            record = json.loads(line)
            for browser in ("chromium", "firefox"):
                lines = record[browser].get("console", [])
                texts = [t["text"] if isinstance(t, dict) else t for t in lines]
                texts = [re.sub(r"[\n\t]", " ", t).strip() for t in texts]
                single = not record["scenario"].get("more")
                kept = chromium(texts) if browser == "chromium" else firefox(texts, single)
                for text in kept:
                    row = (name, record["id"], browser, text)
                    if row not in before[-20:]:
                        print("\t".join(row))
                    before.append(row)


main()
