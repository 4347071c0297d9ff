import os

from aiohttp import web

from cors import cors_middleware


async def data(request):
    return web.json_response({"ok": True}, headers={"x-request-id": "r1"})


async def boom(request):
    raise RuntimeError("boom")


app = web.Application(middlewares=[cors_middleware])
app.router.add_get("/data", data)
app.router.add_put("/data", data)
app.router.add_get("/boom", boom)
web.run_app(app, host="127.0.0.1", port=int(os.environ["PORT"]), print=None)
