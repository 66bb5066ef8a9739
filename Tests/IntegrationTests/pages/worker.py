# Runs behind the code of write-a-worker.md. Argument: the join file.
import sys

def encode(payload, form, width, height, wanted, quality, sub):
    made = []
    if wanted & 1: made.append((1, 1, width, height, flat_jpeg(width, height)))
    if wanted & 2:
        f = next((f for f in (1, 2, 4) if -(-width // f) <= sub), 8)
        w, h = -(-width // f), -(-height // f)
        made.append((2, 1, w, h, flat_jpeg(w, h)))
    if wanted & 4:
        f = next(f for f in (1, 2, 4, 8, 16, 32, 64) if max(width, height) <= 320 * f)
        w, h = -(-width // f), -(-height // f)
        made.append((3, 2, w, h, bytes(w * h)))
    return "", made

run(sections(sys.argv[1])["encode"], encode)
