# A handler of another signal raises in the middle of a computation.
import signal


def give_up(*_):
    raise TimeoutError("too slow")


def main():
    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    while True:
        pass
