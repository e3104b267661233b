#!/usr/bin/env python3
"""Writes the golden vectors as seeds into corpus/TARGET, one file per vector. Run it from this directory."""
import base64
import json
import pathlib
import struct

VECTORS = pathlib.Path("../vectors")


def load(kind):
    return json.loads((VECTORS / f"{kind}.json").read_text())["vectors"]


def save(target, name, data):
    folder = pathlib.Path("corpus") / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


# A slice comes last in every input, so the fields in front of it are what the fuzzer reads from the beginning.
for vector in load("framing"):
    stream = b"".join(bytes.fromhex(read) for read in vector["input"]["reads_hex"])
    save("frame_stream", vector["id"], b"\x07" + stream)
for vector in load("packets_replies"):
    frame = bytes.fromhex(vector["input"]["frame_hex"])
    save("packet", vector["id"], frame[8:] if vector["input"]["transport"] == "tcp" else frame)
for vector in load("attlog"):
    given = vector["input"]
    count, data = given["record_count"], bytes.fromhex(given["dataset_hex"])
    fields = struct.pack("<IBIBIIBIHB", 0, 1, count, 1, count, 850_000_000, 1, 850_000_000, 40, 0)
    save("attendance_set", vector["id"], fields + data)
for vector in load("users"):
    given = vector["input"]
    save("users", vector["id"], struct.pack("<I", given["user_count"]) + bytes.fromhex(given["dataset_hex"]))
for vector in load("templates"):
    save("templates", vector["id"], bytes.fromhex(vector["input"]["dataset_hex"]))
requests = b""
for vector in load("packets_requests") + load("control"):
    given = vector["input"] if "command" in vector["input"] else vector["expect"]
    data = bytes.fromhex(given["data_hex"])
    request = struct.pack("<HBH", given["command"], 5, len(data)) + data
    save("terminal", vector["id"], bytes(2) + request)
    requests += request
for tcp in range(2):
    save("terminal", f"all-{tcp}", bytes([tcp, 0]) + requests)
    # One packet of each fate, then a quiet line; sets of one and of many chunks.
    for size, chunk in ((100, 65_535), (5_000, 1_024), (60_000, 16_384)):
        fates = bytes(range(16))
        save("transfer", f"{tcp}-{size}", struct.pack("<BHBH", tcp, size, 255, chunk) + fates)
for vector in load("operations") + load("messages"):
    save("records", vector["id"], b"\x01\x02\0\0\0" + bytes.fromhex(vector["input"]["dataset_hex"]))
for vector in load("control"):
    for side in ("input", "expect"):
        data = vector[side].get("data_hex") or vector[side].get("reply_hex")
        if data:
            save("records", f"{vector['id']}-{side}", b"\0" + bytes.fromhex(data))
for vector in load("events"):
    frame = bytes.fromhex(vector["input"]["frame_hex"])
    packet = frame[8:] if vector["input"]["transport"] == "tcp" else frame
    save("events", vector["id"], packet[4:6] + packet[8:])
for vector in load("options"):
    given = vector["input"]
    save("operations", vector["id"], struct.pack("<HH", given["reply_command"], 1) + bytes.fromhex(given["reply_data_hex"]))
for vector in load("free_sizes"):
    save("operations", vector["id"], struct.pack("<HH", 2000, 1) + bytes.fromhex(vector["input"]["data_hex"]))
for kind in ("conversation_attendance", "conversation_auth"):
    for vector in load(kind):
        steps = vector["input"]["steps"] if "steps" in vector["input"] else vector["steps"]
        answers = b"".join(bytes.fromhex(step["frame_hex"]) for step in steps if step["dir"] == "device")
        save("session", vector["id"], b"\x01\x00" + answers)
        # As a text, and as what is said and heard.
        lines = [f"{n} {'<' if step['dir'] == 'device' else '>'} {step['frame_hex']}" for n, step in enumerate(steps)]
        text = "\n".join(["zk-transcript 1", "1 open tcp", *lines, "9 failed receive os 104 ConnectionReset", "9 closed"])
        save("transcript", vector["id"] + "-text", b"\x00\x07" + text.encode())
        save("transcript", vector["id"], b"\x00\x07" + b"".join(bytes.fromhex(step["frame_hex"]) for step in steps))


def push_body(body):
    """Returns the bytes of a body of vectors/push."""
    if "utf8" in body:
        return body["utf8"].encode()
    if "b64" in body:
        return base64.b64decode(body["b64"])
    if "repeat" in body:
        return body["repeat"]["utf8"].encode() * body["repeat"]["times"]
    return b"".join(push_body(part) for part in body["concat"])


for kind in ("handshake", "att_uploads", "acc_uploads", "commands"):
    for case in json.loads((VECTORS / "push" / f"{kind}.json").read_text())["cases"]:
        request = case.get("request") or case["steps"][0]["request"]
        save("push_request", case["id"], f"{request['method']} {request['target']}".encode())
        body = push_body(request.get("body") or {"utf8": ""})
        if "devicecmd" in request["target"]:
            save("push_results", case["id"], body)
        elif "table=ATTLOG" in request["target"]:
            save("push_attlog", case["id"], body)
        elif kind == "att_uploads":
            save("push_operlog", case["id"], body)
        elif kind == "acc_uploads":
            save("push_tabledata", case["id"], b"\x01" + body)
