"""Runs pyzk against simulated terminals and compares what it reads with the truth from the control port.

usage: pyzk.py PATH-TO-ICLOCK-CLI
"""

import datetime
import json
import socket
import subprocess
import sys
import threading
import time

from zk import ZK
from zk.exception import ZKErrorResponse, ZKNetworkError

PATIENCE = 20


class Terminal:
    """A simulated terminal in a process of its own, and its control port."""

    def __init__(self, *args):
        command = [sys.argv[1], "simulate", "--quiet", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", *args]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1].rsplit(":", 1)[1])
        host, port = self.process.stdout.readline().split()[1].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.lines = self.socket.makefile("rw")

    def ask(self, what, **fields):
        self.lines.write(json.dumps({"do": what, **fields}) + "\n")
        self.lines.flush()
        answer = json.loads(self.lines.readline())
        if not answer["ok"]:
            raise AssertionError(answer["error"])
        return answer

    def asked_for(self, command):
        """Waits until some client has sent a command."""
        until = time.monotonic() + PATIENCE
        while not any(packet["command"] == command for packet in self.ask("transcript")["packets"]):
            if time.monotonic() > until:
                raise AssertionError(f"nobody sent {command}")
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.socket.close()


def client(terminal, udp=False, key=0):
    zk = ZK("127.0.0.1", terminal.port, timeout=PATIENCE, password=key, force_udp=udp, ommit_ping=True)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return zk.connect()
        except ZKNetworkError:
            # pyzk opens a connection and closes it again to see whether there is TCP. A terminal with a single session may not
            # have noticed the end of that one when the real one comes.
            if time.monotonic() > until:
                raise


def same(got, wanted, what):
    if got != wanted:
        first = next((pair for pair in zip(got, wanted) if pair[0] != pair[1]), None) if isinstance(got, list) else None
        raise AssertionError(f"{what}: got {first or got}, wanted {'' if first else wanted} (lengths where they differ: "
                             f"{len(got) if isinstance(got, list) else '-'}, {len(wanted) if isinstance(wanted, list) else '-'})")


def identity(terminal, zk):
    told = terminal.ask("options")
    options = told["options"]
    same(zk.get_serialnumber(), options["~SerialNumber"], "serial number")
    same(zk.get_firmware_version(), told["firmware"], "firmware")
    same(zk.get_platform(), options["~Platform"], "platform")
    same(zk.get_device_name(), options["~DeviceName"], "device name")
    same(zk.get_mac(), options["MAC"], "MAC")
    same(zk.get_network_params()["ip"], options["IPAddress"], "address")
    state = terminal.ask("state")
    zk.read_sizes()
    same((zk.users, zk.records), (state["users"], state["records"]), "counts")


def users(terminal, zk):
    got = [(user.uid, user.user_id, user.name, user.privilege) for user in zk.get_users()]
    wanted = [(user["uid"], user["user_id"], user["name"], user["privilege"]) for user in terminal.ask("users")["users"]]
    same(got, wanted, "users")


def attendance(terminal, zk, width):
    got = [(punch.user_id, str(punch.timestamp), punch.status, punch.punch) for punch in zk.get_attendance()]
    rows = terminal.ask("records")["records"]
    wanted = [(row["user_id"], row["time"], row["mode"], row["state"]) for row in rows]
    if width == 16:
        # pyzk reads the verify mode first and the state second; captures of 16-byte records have it the other way round.
        wanted = [(user_id, at, state, mode) for user_id, at, mode, state in wanted]
    same(got, wanted, "attendance")


def clock(terminal, zk):
    def shown():
        return datetime.datetime.fromisoformat(terminal.ask("state")["clock"])

    difference = abs((zk.get_time() - shown()).total_seconds())
    assert difference <= 2, f"the clocks are {difference} s apart"
    wanted = datetime.datetime(2031, 12, 31, 23, 58, 1)
    zk.set_time(wanted)
    assert 0 <= (shown() - wanted).total_seconds() <= 5, f"set to {wanted}, shows {shown()}"
    terminal.ask("set-clock", time="2026-03-04 09:00:00")


def live(terminal, zk):
    def punch():
        terminal.asked_for(500)
        told.append(terminal.ask("punch", user_id="1002", state=1, mode=15)["punches"][0])

    told = []
    person = threading.Thread(target=punch)
    person.start()
    for event in zk.live_capture(new_timeout=PATIENCE):
        person.join()
        assert event, "no event came"
        row = told[0]
        same((event.user_id, str(event.timestamp), event.status, event.punch),
             (row["user_id"], row["time"], row["mode"], row["state"]), "live punch")
        break


def writing(terminal, zk):
    zk.disable_device()
    assert not terminal.ask("state")["enabled"], "still enabled"
    zk.set_user(uid=77, name="Interop", privilege=14, user_id="7007")
    added = [user for user in terminal.ask("users")["users"] if user["uid"] == 77]
    same([(user["user_id"], user["name"], user["privilege"]) for user in added], [("7007", "Interop", 14)], "new user")
    zk.delete_user(uid=77)
    assert not [user for user in terminal.ask("users")["users"] if user["uid"] == 77], "still there"
    zk.enable_device()
    assert terminal.ask("state")["enabled"], "still disabled"


def ended(terminal, zk):
    zk.disconnect()
    names = terminal.ask("stats")["commands"]
    assert "EXIT (1001)" in names, names


PARTS = {"identity": identity, "users": users, "clock": clock, "live": live, "writing": writing}


def family(profile, width, udp=False, records=700, without=()):
    with Terminal("--profile", profile, "--records", str(records), "--users", "30", "--seed", "9") as terminal:
        zk = client(terminal, udp)
        attendance(terminal, zk, width)
        for name, part in PARTS.items():
            if name not in without:
                part(terminal, zk)
        ended(terminal, zk)


def small_log():
    """Fits into one packet, which answers at once."""
    with Terminal("--records", "5", "--users", "3") as terminal:
        zk = client(terminal)
        attendance(terminal, zk, 40)
        zk.disconnect()


def comm_key():
    with Terminal("--key", "20481", "--records", "3") as terminal:
        try:
            client(terminal, key=1)
            raise AssertionError("a wrong key was taken")
        except ZKErrorResponse:
            pass
        zk = client(terminal, key=20481)
        same(zk.get_serialnumber(), terminal.ask("state")["serial"], "serial number")
        zk.disconnect()


def layout_b():
    """pyzk knows layout A of 8-byte records alone: layout B gives it other times, or days that it fails on."""
    with Terminal("--profile", "bw8", "--records", "100", "--users", "30") as terminal:
        zk = client(terminal)
        users(terminal, zk)
        rows = terminal.ask("records")["records"]
        try:
            got = [str(punch.timestamp) for punch in zk.get_attendance()]
        except ValueError as error:
            got = [str(error)]
        assert got != [row["time"] for row in rows], "pyzk reads layout B now: compare it like the others"
        zk.disconnect()


def wide_49():
    """pyzk cuts 49-byte records into pieces of 40: the first record alone is right."""
    with Terminal("--profile", "face49", "--records", "1", "--users", "30") as terminal:
        zk = client(terminal)
        users(terminal, zk)
        attendance(terminal, zk, 49)
        terminal.ask("punch", times=99)
        rows = terminal.ask("records")["records"]
        try:
            got = [str(punch.timestamp) for punch in zk.get_attendance()]
        except ValueError as error:
            got = [str(error)]
        assert got != [row["time"] for row in rows], "pyzk reads 49-byte records now: compare them like the others"
        zk.disconnect()


CASES = {
    "tft40 over TCP": lambda: family("tft40", 40),
    "tft40 over TCP, 20,000 records": lambda: family("tft40", 40, records=20_000, without=PARTS),
    "tft40 over UDP": lambda: family("tft40", 40, udp=True),
    "tft40, a log that fits into one packet": small_log,
    "tft40-uid over TCP": lambda: family("tft40-uid", 40),
    "tft40-small-packets over TCP": lambda: family("tft40-small-packets", 40),
    "tft16 over TCP": lambda: family("tft16", 16),
    "single-session over TCP": lambda: family("single-session", 40),
    "d2 over TCP": lambda: family("d2", 40),
    "bw16 over TCP": lambda: family("bw16", 16),
    "bw16 over UDP": lambda: family("bw16", 16, udp=True),
    "udp-only": lambda: family("udp-only", 16, udp=True),
    # pyzk never ends on a live punch of 14 bytes, which is what this family sends.
    "bw8a over TCP": lambda: family("bw8a", 8, without=["live"]),
    "bw8a over UDP": lambda: family("bw8a", 8, udp=True, without=["live"]),
    "bw8 (layout B)": layout_b,
    "face49": wide_49,
    "a comm key": comm_key,
}


def main():
    failed = 0
    for name, case in CASES.items():
        try:
            case()
            print(f"test pyzk: {name} ... ok", flush=True)
        except Exception as error:
            failed += 1
            print(f"test pyzk: {name} ... FAILED: {type(error).__name__}: {error}", flush=True)
    print(f"test result: {'FAILED' if failed else 'ok'}. {len(CASES) - failed} passed; {failed} failed; 0 ignored")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
