# The smallest camera of write-a-camera.md, behind the code of that page. Arguments: the join file, the port.
# Prints the content of each OPEN that it refuses.
import random, struct, sys

def camera(join, port):
    context, keys, peers = zmq.Context(), {}, {}
    admit(context, keys, peers)
    router = listen(context, join["secret-key"])
    secret = z85.encode(bytes.fromhex(join["secret-key"]))
    registry = context.socket(zmq.DEALER)
    registry.curve_serverkey = z85.encode(bytes.fromhex(join["registry-key"]))
    registry.curve_secretkey, registry.curve_publickey = secret, zmq.curve_public(secret)
    registry.immediate, registry.linger, registry.handshake_ivl = 1, 200, 2000
    registry.connect(join["registry"])

    def message(code, body, version=1): return struct.pack("<IHBB", 4 + len(body), code, version, 0) + body
    def text(value): return struct.pack("<H", len(value.encode())) + value.encode()
    def tell(data):
        try: registry.send(data, zmq.DONTWAIT)
        except zmq.Again: pass
    def send(routing, data):
        try: router.send_multipart([routing, data], zmq.DONTWAIT)
        except zmq.ZMQError:
            for gone in [f for f in flows if f[0] == routing]: del flows[gone]
    def close(routing, flow, reason): send(routing, message(0x15, struct.pack("<IB", flow, reason) + text("")))

    incarnation, number, picture = random.getrandbits(64), 0, flat_jpeg(320, 240)
    flows, due, shot, heard, is_member = {}, 0.0, 0.0, 0.0, False     # flows: [credit, last number, last heard]
    while True:
        now = time.monotonic()
        if now >= due:
            due = now + 1
            if now - heard > 3:
                is_member = False
                tell(message(0x30, struct.pack("<BxIQ", 2, os.getpid(), incarnation) + text(join["name"])
                             + text(f"tcp://0.0.0.0:{port}") + text("example 1")))                      # JOIN
            else: tell(message(0x31, struct.pack("<QHHH", incarnation, 0, 0, 0), version=3))           # BEAT
            flows = {f: state for f, state in flows.items() if now - state[2] <= 3}
        for s in zmq.select([registry, router], [], [], 0.01)[0]:
            if s is registry:
                data = s.recv()
                code, body = struct.unpack_from("<H", data, 4)[0], data[8:]
                if code in (0x31, 0x32): heard = now
                if code != 0x32: continue
                present, position = {}, 12                                                             # ROSTER
                for _ in range(struct.unpack_from("<H", body, 10)[0]):
                    role, key = struct.unpack_from("<B9x32s", body, position)
                    present[key] = role
                    position += 42
                    for _ in range(2): position += 2 + struct.unpack_from("<H", body, position)[0]     # name, endpoint
                if not body[8]: keys.clear()
                keys.update(present)
                flows = {f: state for f, state in flows.items() if peers.get(f[0]) in keys}
                if not is_member:
                    tell(message(0x35, struct.pack("<BBHH2xIq", 3, 1, 320, 240, 10_000, int(time.time() * 1e6))
                                 + text("example") + text("")))                                        # CAMERA
                is_member = True
                continue
            routing, data = s.recv_multipart()
            role = keys.get(peers.get(routing))
            if role is None: continue
            code, flow = struct.unpack_from("<H2xI", data, 4)
            if code == 0x10:                                                                           # OPEN
                content, credit = data[12], struct.unpack_from("<I", data, 32)[0]
                if role not in (1, 4, 5): close(routing, flow, 3)
                elif content != 1:
                    print("refused", role, content, flush=True)
                    close(routing, flow, 6)
                else: flows[routing, flow] = [min(credit, 1024), number, now]
            elif code in (0x11, 0x14) and (routing, flow) not in flows: close(routing, flow, 2)
            elif code == 0x11:                                                                         # CREDIT
                state = flows[routing, flow]
                state[0], state[2] = min(1024, state[0] + struct.unpack_from("<I", data, 12)[0]), now
            elif code == 0x14: flows[routing, flow][2] = now                                           # ACK
            elif code == 0x15: flows.pop((routing, flow), None)                                        # CLOSE
        if now >= shot:
            shot, number = now + 0.1, number + 1
        for (routing, flow), state in list(flows.items()):
            if state[0] == 0 or state[1] == number: continue
            state[0], state[1] = state[0] - 1, number
            header = struct.pack("<HIBBQQqHH", 36, flow, 1, 1, incarnation, number, int(time.time() * 1e6), 320, 240)
            send(routing, message(0x12, header + picture))                                             # FRAME

camera(sections(sys.argv[1])["capture"], int(sys.argv[2]))
