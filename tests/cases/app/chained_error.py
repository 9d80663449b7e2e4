# An error with a cause, from a thread pool.
from concurrent.futures import ThreadPoolExecutor


def parse(text):
    try:
        return int(text)
    except ValueError as error:
        raise LookupError(f"no number: {text}") from error


def main():
    with ThreadPoolExecutor(2) as executor:
        print(list(executor.map(parse, ["1", "x"])))
