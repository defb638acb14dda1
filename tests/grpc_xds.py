"""A gRPC server, and a gRPC client that finds it by xDS: prints what the client is answered.

Arguments: the name to call, and the address of the server. The control plane is in the bootstrap file
that GRPC_XDS_BOOTSTRAP names.
"""

import sys
from concurrent import futures

import grpc


class Greeter(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: b"hello " + request)


def main():
    name, address = sys.argv[1:]
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Greeter()])
    server.add_insecure_port(address)
    server.start()
    with grpc.insecure_channel(f"xds:///{name}") as channel:
        call = channel.unary_unary("/greeter.Greeter/Greet")
        print(call(b"mesh", timeout=30, wait_for_ready=True).decode(), flush=True)
    server.stop(None)


main()
