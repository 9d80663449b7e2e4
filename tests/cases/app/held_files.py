# Open files that a class and an instance hold have all their text in the end.
class Journal:
    shared = open("class.txt", "w", encoding="utf-8")

    def __init__(self, name):
        self.file = open(name, "wb", buffering=100_000)


JOURNALS = []


def main():
    JOURNALS.append(Journal("instance.bin"))
    JOURNALS[0].file.write(b"x" * 50_000)
    Journal.shared.write("class")
