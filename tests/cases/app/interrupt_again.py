# Ctrl-C again and again: each one raises KeyboardInterrupt.
#: sigint="ready"
import os
import signal
import time


def main():
    print("ready", flush=True)
    for _ in range(3):
        try:
            time.sleep(20)
        except KeyboardInterrupt:
            print("again", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(20)
            except KeyboardInterrupt:
                print("and again")
                break
