# Ctrl-C while a pool is at work goes to all its processes.
#: sigint="ready"
import multiprocessing
import time


def main():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(abs, range(9))
        pool.map_async(time.sleep, [20] * 2)
        try:
            print("ready", flush=True)
            time.sleep(20)
        finally:
            print("cleaned up")
