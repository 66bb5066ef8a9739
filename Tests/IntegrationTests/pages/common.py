# For the examples of the pages: join files, and a JPEG encoder for gray pictures.

def sections(path):
    """Returns the sections of a join file by role. Each also has the values that precede the first section."""
    head, found, current = {}, {}, None
    for line in open(path, encoding="utf-8"):
        name, separator, value = line.rstrip("\n").partition("=")
        if line.startswith("#") or not separator: continue
        if name == "role": current = found[value] = dict(head)
        (head if current is None else current)[name] = value
    return found

def flat_jpeg(width, height):
    """Returns a JPEG of one gray: each block is a zero difference and an end of block, one bit each."""
    bits = 2 * -(-width // 8) * -(-height // 8)
    data = bytearray(-(-bits // 8))
    if bits % 8: data[-1] = 0xff >> bits % 8
    def table(kind): return b"\xff\xc4\x00\x14" + bytes([kind, 1]) + bytes(15) + b"\0"
    return (b"\xff\xd8\xff\xdb\x00\x43\x00" + b"\1" * 64
            + b"\xff\xc0\x00\x0b\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\x00"
            + table(0x00) + table(0x10) + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + bytes(data) + b"\xff\xd9")
