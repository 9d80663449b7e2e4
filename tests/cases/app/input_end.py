# The end of standard input.
def main():
    print(input("name? "))
