"""gRPC: grpc_echo.py serve CERTIFICATE KEY, which says its port; grpc_echo.py call PORT CA, a line for each answer.

Through a proxy by the environment's https_proxy, as gRPC has it.
"""

import sys
from concurrent import futures

import grpc


def unary(request, context):
    context.send_initial_metadata((("initial", "1"),))
    context.set_trailing_metadata((("trailing", "2"), ("bytes-bin", b"\x00\xff")))
    return request + request


def refused(request, context):
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "nicht für dich")


def counted(request, context):
    for i in range(int(request)):
        yield b"%d" % i * 100
    context.set_trailing_metadata((("count", request.decode()),))


def summed(requests, context):
    return b"%d" % sum(len(r) for r in requests)


def echoed(requests, context):
    for request in requests:
        yield request.upper()


def serve(certificate, key):
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Refused": grpc.unary_unary_rpc_method_handler(refused),
        "Counted": grpc.unary_stream_rpc_method_handler(counted),
        "Summed": grpc.stream_unary_rpc_method_handler(summed),
        "Echoed": grpc.stream_stream_rpc_method_handler(echoed),
    }),))
    with open(certificate, "rb") as c, open(key, "rb") as k:
        credentials = grpc.ssl_server_credentials([(k.read(), c.read())])
    print(server.add_secure_port("127.0.0.1:0", credentials), flush=True)
    server.start()
    server.wait_for_termination()


def call(port, ca):
    with open(ca, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        answer, told = channel.unary_unary("/test.Echo/Unary").with_call(b"abc" * 50_000, timeout=60, wait_for_ready=True)
        print("unary", len(answer), [tuple(m) for m in told.initial_metadata()], [tuple(m) for m in told.trailing_metadata()])
        for name in ("Refused", "Unknown"):
            try:
                channel.unary_unary(f"/test.Echo/{name}")(b"", timeout=60)
            except grpc.RpcError as error:
                print(name, error.code(), error.details())
        counted = channel.unary_stream("/test.Echo/Counted")(b"200", timeout=60)
        print("counted", sum(len(c) for c in counted), [tuple(m) for m in counted.trailing_metadata()])
        print("summed", channel.stream_unary("/test.Echo/Summed")((b"x" * i for i in range(300)), timeout=60))
        # Each answer is waited for before the next question.
        asked, answers = [], None
        def questions():
            for i in range(30):
                asked.append(i)
                yield b"q%d" % i
                while heard < i + 1:
                    if not answers.is_active():
                        return
        heard = 0
        answers = channel.stream_stream("/test.Echo/Echoed")(questions(), timeout=60)
        for answer in answers:
            heard += 1
        print("echoed", heard, answers.code())


serve(*sys.argv[2:]) if sys.argv[1] == "serve" else call(*sys.argv[2:])
