# A pool of processes as it is started by default: forkserver on Linux from Python 3.14 on.
from multiprocessing import Pool


def cube(number):
    return number**3


def main():
    with Pool(2) as pool:
        print(pool.map(cube, range(5)))
