# Recursion without an end is an error, not a crash.
def down(depth):
    return down(depth + 1)


def main():
    down(0)
