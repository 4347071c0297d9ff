"""httpx, aiohttp and urllib: client.py PLAIN TLS CA [PROXY]; a line for each answer."""

import asyncio
import hashlib
import ssl
import sys
import urllib.request

import aiohttp
import httpx

plain, tls, ca = sys.argv[1:4]
proxy = sys.argv[4] if len(sys.argv) > 4 else None


def trust():
    # One for each: httpx asks for h2 by the context it was given.
    return ssl.create_default_context(cafile=ca)


def say(name, status, headers, body):
    digest = hashlib.sha256(body).hexdigest()[:16]
    cookies = headers.get_list("set-cookie") if hasattr(headers, "get_list") else headers.getall("set-cookie", [])
    print(name, status, headers.get("x-method"), cookies, len(body), digest, flush=True)


async def pieces():
    for i in range(40):
        yield b"%04d" % i * 300


async def with_httpx(http2):
    name = f"httpx-{'h2' if http2 else 'h1'}"
    async with httpx.AsyncClient(http2=http2, verify=trust(), proxy=proxy, timeout=60) as client:
        for base in (plain, tls):
            kind = base.split(":")[0]
            answer = await client.get(f"{base}/a?x=%20y")
            say(f"{name} {kind} get {answer.http_version if base is tls else ''}", answer.status_code, answer.headers, answer.content)
            answer = await client.head(f"{base}/a")
            say(f"{name} {kind} head", answer.status_code, answer.headers, answer.content)
            answer = await client.post(f"{base}/echo", content=b"z" * 1_000_000)
            say(f"{name} {kind} post", answer.status_code, answer.headers, answer.content)
            answer = await client.put(f"{base}/echo", content=pieces())
            say(f"{name} {kind} streamed", answer.status_code, answer.headers, answer.content)
            many = await asyncio.gather(*(client.get(f"{base}/n/{i}") for i in range(40)))
            say(f"{name} {kind} at once", [a.status_code for a in many].count(200), httpx.Headers(), b"".join(a.content for a in many))


async def with_aiohttp():
    async with aiohttp.ClientSession() as client:
        for base in (plain, tls):
            more = {"proxy": proxy, "ssl": trust() if base is tls else None}
            kind = base.split(":")[0]
            for method, data in (("GET", None), ("POST", b"q" * 300_000), ("PATCH", pieces()), ("DELETE", None)):
                async with client.request(method, f"{base}/echo", data=data, **more) as answer:
                    say(f"aiohttp {kind} {method}", answer.status, answer.headers, await answer.read())


def with_urllib():
    handlers = [urllib.request.HTTPSHandler(context=trust())]
    handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}))
    opener = urllib.request.build_opener(*handlers)
    for base in (plain, tls):
        with opener.open(f"{base}/a", data=b"form=1", timeout=60) as answer:
            body = answer.read()
            print("urllib", base.split(":")[0], answer.status, answer.headers["x-method"], body[:60])


asyncio.run(with_httpx(False))
asyncio.run(with_httpx(True))
asyncio.run(with_aiohttp())
with_urllib()
