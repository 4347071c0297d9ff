from fastapi import FastAPI, Response

from cors import with_cors

api = FastAPI()


@api.get("/data")
def data(response: Response):
    response.headers["x-request-id"] = "r1"
    return {"ok": True}


@api.put("/data")
def put():
    return {"ok": True}


@api.get("/boom")
def boom():
    raise RuntimeError("boom")


app = with_cors(api)
