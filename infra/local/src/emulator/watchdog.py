"""Runs a command until standard input ends; then ends all it started, and removes its scratch directory.

Standard input is a pipe that only the starter holds, so it ends with the starter, however that one ends.

usage: watchdog.py SCRATCH_DIRECTORY COMMAND [ARGUMENT ...]
"""

import os
import shutil
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 2


def signal_group(group, number):
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # Nobody is left. (macOS answers EPERM when only zombies are.)
        pass


def end_with_input(group, ended):
    while os.read(0, 4096):
        pass
    signal_group(group, signal.SIGTERM)
    if not ended.wait(GRACE_SECONDS):
        signal_group(group, signal.SIGKILL)


def main():
    scratch, command = sys.argv[1], sys.argv[2:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    # A session of its own makes a process group of everything that the command starts.
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    ended = threading.Event()
    try:
        threading.Thread(target=end_with_input, args=(child.pid, ended), daemon=True).start()
        status = child.wait()
        print("ended with status", status, file=sys.stderr, flush=True)
        return 1
    finally:
        ended.set()
        signal_group(child.pid, signal.SIGKILL)
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
