import os

from flask import Flask, jsonify

from cors import init_cors

app = Flask(__name__)
init_cors(app)


@app.route("/data", methods=["GET", "PUT"])
def data():
    response = jsonify(ok=True)
    response.headers["x-request-id"] = "r1"
    return response


@app.get("/boom")
def boom():
    raise RuntimeError("boom")


app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
