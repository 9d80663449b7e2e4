"""The Linux side of shim.c: runs rustc, rustdoc and git for programs under wine.

rustc.exe must look like the rustc of Windows, whose host is x86_64-pc-windows-gnu. Crates and build
scripts are compiled for that target. Procedural macros are loaded by the Linux rustc itself: they,
and what they depend on, are compiled for Linux, into `host` beside the crate's `deps`, from the
arguments with which cargo had their dependencies compiled for Windows.
"""

import json
import os
import re
import shutil
import socket
import socketserver
import struct
import subprocess
import threading
from pathlib import Path

TARGET = "x86_64-pc-windows-gnu"
# Windows' own, and those of a job server that is none here
DROPPED = set(
    "PATH TEMP TMP TMPDIR HOME COMSPEC PATHEXT PWD CARGO_HOME SSL_CERT_FILE"
    " CARGO_MAKEFLAGS MAKEFLAGS MFLAGS".split()
)
OWN = {name: os.environ[name] for name in os.environ if name.startswith("WINE")}
OWN |= {"PATH": "/usr/bin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
TEXTS = ("--cfg", "--check-cfg", "-e", "-m", "--message", "--grep", "--format", "--pretty")
lock = threading.RLock()


def unix(text):
    r"""Translate paths of Windows in an argument: Z:\a\b, foo=Z:\a, src\lib.rs, \\?\Z:\a."""
    if "\\" in text or re.search(r"(^|=)[A-Za-z]:/", text):
        text = text.replace("\\", "/").replace("//?/", "")
        text = re.sub(r"(^|[=@])[Zz]:/", r"\1/", text)
        text = re.sub(r"(^|[=@])[Cc]:/", rf"\1{os.environ['WINEPREFIX']}/drive_c/", text)
    return text


def unix_arguments(arguments):
    result = []
    for previous, argument in zip(["", *arguments], arguments):
        if previous in TEXTS or argument.startswith(tuple(f"{name}=" for name in TEXTS)):
            result.append(argument)
        elif argument.startswith("@"):
            result += unix_arguments(Path(unix(argument[1:])).read_text().splitlines())
        else:
            result.append(unix(argument))
    return result


def externs(arguments):
    """Yield the index, the name and the file of each --extern NAME=FILE."""
    for index, (option, argument) in enumerate(zip(arguments, arguments[1:]), 1):
        if option == "--extern" and "=" in argument:
            yield index, *argument.split("=", 1)


def host_build(stem, out, send):
    """Compile for Linux what `stem` names in `out`; return its path, None if nothing is known of it."""
    host = out / "host"
    if not (host / f"{stem}.json").exists():
        return None
    with lock:
        arguments, folder, env = json.loads((host / f"{stem}.json").read_text())
        macro = "proc-macro" in arguments
        result = host / f"lib{stem}.{'so' if macro else 'rlib'}"
        if result.exists():
            return result
        for index, name, file in externs(arguments):
            dependency = Path(file).name.removeprefix("lib").rsplit(".", 1)[0]
            path = host_build(dependency, Path(file).parent, send) or file
            arguments[index] = f"{name}={path}"
        arguments[arguments.index("--out-dir") + 1] = str(host)
        emit = f"--emit=dep-info,{'' if macro else 'metadata,'}link"
        arguments = [
            f"dependency={host}" if x.startswith("dependency=") else emit if x[:7] == "--emit=" else x
            for x in arguments
        ]
        done = subprocess.run(["rustc", *arguments], cwd=folder, env=env, capture_output=True)
        send(2, done.stderr)
        if done.returncode:
            raise OSError(f"{stem} for Linux: exit code {done.returncode}")
        return result


def compiled(arguments, folder, env, send):
    """Note how a library is compiled; compile a macro. Return whether that was all."""
    values = dict(zip(arguments, arguments[1:]))
    kinds = {kind for x, kind in zip(arguments, arguments[1:]) if x == "--crate-type"}
    if not {"--out-dir", "--crate-name"} <= values.keys() or "--print" in " ".join(arguments):
        return False
    if not kinds or not kinds <= {"lib", "rlib", "proc-macro"} or "--test" in arguments:
        return False
    extra = (x.partition("extra-filename=")[2] for x in arguments if "extra-filename=" in x)
    out, stem = Path(values["--out-dir"]), values["--crate-name"] + next(extra, "")
    host, macros = out / "host", out / "macros"
    host.mkdir(exist_ok=True, parents=True)
    (host / f"{stem}.json").write_text(json.dumps([arguments, folder, env]))
    for old in host.glob(f"lib{stem}.*"):
        old.unlink()
    if kinds != {"proc-macro"}:
        return False
    library = host_build(stem, out, send)
    macros.mkdir(exist_ok=True)
    shutil.copy2(library, macros)
    shutil.copy2(library, out / f"{stem}.dll")
    text = (host / f"{stem}.d").read_text().replace(str(library), str(out / f"{stem}.dll"))
    (out / f"{stem}.d").write_text(text.replace(f"{host}/", f"{out}/"))
    return True


def of_windows(program, arguments, text):
    """Make of what a program prints what it would print on Windows."""
    if program == "rustc":
        text = re.sub(rb"(?m)^/usr$", rb"Z:\\usr", text)
        return text.replace(b"host: x86_64-unknown-linux-gnu", b"host: " + TARGET.encode())
    return re.sub(rb"(?m)^/", b"Z:/", text) if program == "git" else text  # as Git for Windows


class Handler(socketserver.BaseRequestHandler):
    def number(self):
        return struct.unpack("<i", self.bytes(4))[0]

    def bytes(self, size):
        return self.request.recv(size, socket.MSG_WAITALL) if size else b""

    def text(self):
        return self.bytes(self.number()).decode("utf-8", "surrogateescape")

    def send(self, stream, data):
        with self.sending:
            if data:
                self.request.sendall(struct.pack("<ii", stream, len(data)) + data)

    def handle(self):
        self.sending = threading.Lock()
        program = self.text().replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".exe").lower()
        folder = unix(self.text())
        arguments = unix_arguments([self.text() for _ in range(self.number())])
        variables = [self.text().partition("=")[::2] for _ in range(self.number())]
        env = {
            name: unix(value) if name == "OUT_DIR" or name.startswith("GIT_") else value
            for name, value in variables
            if name and name.upper() not in DROPPED
        }
        data = self.bytes(self.number())
        try:
            code = self.run(program, folder, arguments, env | OWN, data)
        except OSError as error:
            self.send(2, f"shim: {error}\n".encode())
            code = 101
        self.request.sendall(struct.pack("<ii", 0, code))

    def run(self, program, folder, arguments, env, data):
        if program != "git":
            for index, name, file in list(externs(arguments)):
                if file.endswith(".dll"):
                    library = Path(file).with_name("macros") / f"lib{Path(file).stem}.so"
                    arguments[index] = f"{name}={library}"
            for text in [x for x in arguments if x.startswith("dependency=")]:
                arguments += ["-L", f"{text}/macros"]
            if program == "rustc" and compiled(arguments, folder, env, self.send):
                return 0
            if not any(x.startswith("--target") for x in arguments):
                arguments += ["--target", TARGET]
        for option in ("--test-runtool", "--runtool"):  # of doctests, which start here
            if option in arguments:
                index = arguments.index(option)
                tool = [option, "wine", f"{option}-arg", arguments[index + 1]]
                arguments[index : index + 2] = tool
        process = subprocess.Popen([program, *arguments], cwd=folder, env=env, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip

        def forward():
            while text := process.stderr.read1(65536):
                self.send(2, text)

        def feed():
            try:
                process.stdin.write(data)
                process.stdin.close()
            except BrokenPipeError:
                pass

        threads = [threading.Thread(target=forward), threading.Thread(target=feed)]
        for thread in threads:
            thread.start()
        self.send(1, of_windows(program, arguments, process.stdout.read()))
        for thread in threads:
            thread.join()
        return process.wait()


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    Server(("127.0.0.1", 7997), Handler).serve_forever()
