#!/usr/bin/env python3
"""Copies the protobuf schema out of an Envoy executable.

usage: extract.py PATH_TO_ENVOY OUT.bin

Every generated C++ protobuf file carries its own descriptor as a serialized FileDescriptorProto, so the
executable itself is the exact schema of what it accepts. This script finds those descriptors and writes them as one
FileDescriptorSet. The bytes of each descriptor are copied, never re-encoded: decoding and encoding again would lose
the `validate.rules` options, which are extensions.

The result depends on the executable only: files are in dependency order, and in name order where that leaves a choice.
"""

import re
import sys

# FileDescriptorProto: field number -> wire type (0 varint, 2 length-delimited).
FIELDS = {1: 2, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 2, 9: 2, 10: 0, 11: 0, 12: 2, 14: 0}
NAME = re.compile(rb"\x0a[\x07-\x7f]([A-Za-z0-9_./-]+?\.proto)(?=[\x12\x1a\x22\x2a\x32\x3a\x42\x62\x70])")


def varint(data, at):
    """Returns the varint at `at` and the offset after it, or None when there is none."""
    value = 0
    for index in range(10):
        if at + index >= len(data):
            return None
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    return None


def walk(data, start):
    """Walks the fields of the FileDescriptorProto at `start`: (end offset, dependencies, syntax)."""
    at, last, dependencies, syntax = start, 0, [], None
    while True:
        tag = varint(data, at)
        # Serializers write fields in ascending order, so a smaller number is the start of something else. That,
        # and the zero padding between constants, ends a proto2 file, which has no syntax field to end it.
        if tag is None or (tag[0] >> 3) < last or FIELDS.get(tag[0] >> 3) != (tag[0] & 7):
            return at, dependencies, syntax
        number, body = tag[0] >> 3, varint(data, tag[1])
        if body is None or (number in (1, 2, 8, 12) and number == last):
            return at, dependencies, syntax
        end = body[1]
        if tag[0] & 7 == 2:
            end += body[0]
            if end > len(data):
                return at, dependencies, syntax
            if number == 3:
                dependencies.append(data[body[1]:end].decode("utf-8", "replace"))
            elif number == 12:
                syntax = data[body[1]:end].decode("utf-8", "replace")
                if syntax != "editions":
                    return end, dependencies, syntax
        at, last = end, number


def scan(data):
    """All descriptors of the executable: name -> (bytes, dependencies)."""
    found = {}
    for match in NAME.finditer(data):
        name, start = match.group(1).decode(), match.start()
        if data[start + 1] != len(match.group(1)):
            continue
        end, dependencies, _ = walk(data, start)
        if end == match.end():
            continue
        # Some files are in the executable twice, once with and once without the default `json_name` of each field,
        # and alike otherwise. The shorter one is the one without, which all other files are too.
        if name in found and len(found[name][0]) <= end - start:
            continue
        found[name] = (data[start:end], dependencies)
    return found


def ordered(found):
    """File names, dependencies first, otherwise by name."""
    done, order = set(), []

    def visit(name, path):
        if name in done:
            return
        if name in path:
            sys.exit(f"error: import cycle through {name}")
        if name not in found:
            sys.exit(f"error: {path[-1]} imports {name}, which the executable does not hold")
        for dependency in sorted(found[name][1]):
            visit(dependency, path + [name])
        done.add(name)
        order.append(name)

    for name in sorted(found):
        visit(name, [])
    return order


def encode_varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        found = scan(file.read())
    if not any(name.startswith("envoy/") for name in found):
        sys.exit("error: no Envoy descriptors in this file")
    with open(sys.argv[2], "wb") as out:
        for name in ordered(found):
            body = found[name][0]
            out.write(b"\x0a" + encode_varint(len(body)) + body)  # FileDescriptorSet.file
    print(f"{len(found)} files")


if __name__ == "__main__":
    main()
