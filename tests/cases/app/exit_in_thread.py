# sys.exit in a thread ends that thread; an error in one is printed, and the program goes on.
import sys
import threading


def main():
    for target in (lambda: sys.exit(5), lambda: {}["key"]):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    print("main goes on")
