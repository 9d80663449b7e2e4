# Ctrl-C in asyncio.run, which has a handler of its own from Python 3.11 on.
#: sigint="ready"
import asyncio


async def serve():
    try:
        print("ready", flush=True)
        await asyncio.sleep(20)
    finally:
        print("cleaned up")


def main():
    asyncio.run(serve())
