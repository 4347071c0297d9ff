#!/usr/bin/env python3
"""Makes the corpus from recorded browser verdicts: convert.py RECORDS.jsonl OUT.jsonl

Each input line is a scenario with the wire as HAR (`har`, `har_firefox`) and what each browser
decided (`chromium`, `firefox`). Each output line is one scenario in one browser, reduced to what a
judgement needs; README.md says what the members mean.
"""
import datetime
import json
import sys

# Sent with every request and read by no rule.
NOISE = {"host", "connection", "proxy-connection", "accept-encoding", "upgrade", "date"}
DEFAULT_LANGUAGE = {"en-US,en;q=0.9", "en-US,en;q=0.5"}
AGENTS = {
    "chromium": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
    "firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
}


def micros(text):
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return int(moment.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000 + 0.5)


def request_lines(headers, browser, websocket):
    out = []
    for header in headers:
        name, value = header["name"], header["value"]
        lower = name.lower()
        if lower.startswith("sec-ch-ua") or lower.startswith("sec-websocket"):
            continue
        if lower in NOISE and not (lower == "upgrade" and websocket):
            continue
        if lower == "user-agent" and value == AGENTS[browser]:
            continue
        if lower == "accept-language" and value in DEFAULT_LANGUAGE:
            continue
        out.append(f"{name}: {value}")
    return out


def entry(har, first, browser):
    request, response = har["request"], har["response"]
    websocket = any(h["name"].lower() == "sec-websocket-key" for h in request["headers"])
    out = [
        micros(har["startedDateTime"]) - first,
        round(har["time"]),
        request["method"],
        request["url"],
        request_lines(request["headers"], browser, websocket),
        response["status"],
        [f'{h["name"]}: {h["value"]}' for h in response["headers"] if h["name"].lower() != "date"],
    ]
    text = response["content"].get("text", "")
    if response["content"].get("encoding") == "base64":
        text = ""
    out += [text[:60], int(har["connection"])]
    return out


def asked(record, browser):
    verdict, scenario = record[browser], record["scenario"]
    requests = [scenario["request"], *scenario.get("more", [])]
    first_failure = True
    out = []
    for request, result in zip(requests, verdict["results"]):
        default = "POST" if request.get("initiator") in ("beacon", "form-post") else "GET"
        one = {"method": request.get("method", default), "url": request["url"].split("#")[0]}
        one["include"] = (
            request.get("credentials") == "include"
            or request.get("crossorigin") == "use-credentials"
            or request.get("initiator") == "beacon"
        )
        one["by"] = request.get("initiator", "fetch")
        one["got"] = result["outcome"]
        if result["outcome"] in ("blocked", "unobservable"):
            if scenario.get("session"):
                why = result.get("corsError" if browser == "chromium" else "reason")
                one["why"] = why
                one["name"] = result.get("failedParameter")
            elif first_failure:
                first_failure = False
                if browser == "chromium":
                    one["why"] = verdict["corsError"]
                    one["name"] = verdict["failedParameter"]
                else:
                    one["why"] = (verdict["reasons"] or [None])[0]
            if one.get("name") is None:
                one.pop("name", None)
        if result.get("headers") is not None and result["outcome"] == "ok":
            one["seen"] = [name.lower() for name, _ in result["headers"]]
        out.append(one)
    return out


def main():
    source, target = sys.argv[1:3]
    with open(source) as lines, open(target, "w") as out:
        for line in lines:
            record = json.loads(line)
            for browser, har in (("chromium", "har"), ("firefox", "har_firefox")):
                entries = record[har]["log"]["entries"]
                first = min((micros(e["startedDateTime"]) for e in entries), default=0)
                made = {
                    "id": record["id"],
                    "of": record["category"],
                    "in": browser,
                    "asked": asked(record, browser),
                    "wire": [entry(e, first, browser) for e in entries],
                }
                out.write(json.dumps(made, separators=(",", ":"), ensure_ascii=False) + "\n")


main()
