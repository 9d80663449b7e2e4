# What cannot be written when the program ends makes the exit code 120.
import sys


def main():
    sys.stdout = open("/dev/full", "w", encoding="utf-8")
    print("lost")
