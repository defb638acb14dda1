"""Asks a control plane for the status of its clients: prints the answers, a line of hex each.

Arguments: the address, the RPC's path, the operator's token or `-`, and requests in hex. A refusal is printed as
gRPC's word for it.
"""

import sys

import grpc


def main():
    address, path, token, *requests = sys.argv[1:]
    requests = [bytes.fromhex(request) for request in requests]
    metadata = [] if token == "-" else [("authorization", f"Bearer {token}")]
    with grpc.insecure_channel(address) as channel:
        try:
            if path.endswith("/StreamClientStatus"):
                answers = channel.stream_stream(path)(iter(requests), timeout=30, metadata=metadata)
            else:
                call = channel.unary_unary(path)
                answers = [call(request, timeout=30, metadata=metadata) for request in requests]
            for answer in answers:
                print(answer.hex())
        except grpc.RpcError as error:
            print(error.code().name)


main()
