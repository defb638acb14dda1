#!/usr/bin/env python3
"""Copies the schema of the client status service out of the Python package `xds-protos`.

usage: csds.py PATH_TO_WHEEL OUT.bin

Envoy's executable does not link `csds.proto`, so `extract.py` cannot find it there. The generated Python module of the
package holds the serialized FileDescriptorProto, whose bytes are copied as they are into a FileDescriptorSet of one
file. All files that it imports are in the set of the executable.
"""

import ast
import re
import sys
import zipfile

MODULE = "envoy/service/status/v3/csds_pb2.py"


def varint(value):
    """Writes a varint."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def main():
    wheel, out = sys.argv[1:]
    text = zipfile.ZipFile(wheel).read(MODULE).decode()
    literal = re.search(r"AddSerializedFile\((b'.*')\)$", text, re.MULTILINE).group(1)
    file = ast.literal_eval(literal)
    with open(out, "wb") as to:
        to.write(b"\x0a" + varint(len(file)) + file)


main()
