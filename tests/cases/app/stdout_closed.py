# A program may close its standard output.
import sys


def main():
    print("all")
    sys.stdout.close()
