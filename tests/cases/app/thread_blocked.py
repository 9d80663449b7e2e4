# A daemon thread that is blocked in a write does not keep the program.
import subprocess
import threading
import time


def main():
    child = subprocess.Popen(["sleep", "5"], stdin=subprocess.PIPE)
    threading.Thread(target=child.stdin.write, args=[b"x" * 1_000_000], daemon=True).start()
    time.sleep(0.3)
