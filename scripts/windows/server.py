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
from itertools import pairwise
from pathlib import Path

TARGET = "x86_64-pc-windows-gnu"
# Variables that are Windows' own, and those of a job server that is none here
DROPPED = {"PATH", "TEMP", "TMP", "TMPDIR", "HOME", "COMSPEC", "PATHEXT", "PWD", "CARGO_HOME"}
DROPPED |= {"SSL_CERT_FILE", "CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS"}
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
    for previous, argument in pairwise(["", *arguments]):
        if previous in TEXTS or argument.startswith(tuple(f"{name}=" for name in TEXTS)):
            result.append(argument)
        elif argument.startswith("@"):
            result += unix_arguments(Path(unix(argument[1:])).read_text().splitlines())
        else:
            result.append(unix(argument))
    return result


def with_externs(arguments, replace):
    """Replace the FILE of each --extern NAME=FILE."""
    result = list(arguments)
    for index, (option, argument) in enumerate(pairwise(arguments), 1):
        if option == "--extern" and "=" in argument:
            name, file = argument.split("=", 1)
            result[index] = f"{name}={replace(Path(file))}"
    return result


def compile_for_linux(stem, out, send):
    """Compile for Linux what `stem` names in `out`; return its path, None if nothing is known of it."""
    host = out / "host"
    if not (host / f"{stem}.json").exists():
        return None
    arguments, folder, env = json.loads((host / f"{stem}.json").read_text())
    is_macro = "proc-macro" in arguments
    result = host / f"lib{stem}.{'so' if is_macro else 'rlib'}"
    with lock:
        if result.exists():
            return result
        arguments = with_externs(
            arguments, lambda x: compile_for_linux(x.stem.removeprefix("lib"), x.parent, send) or x
        )
        arguments[arguments.index("--out-dir") + 1] = str(host)
        emit = f"--emit=dep-info,{'' if is_macro else 'metadata,'}link"
        arguments = [emit if x.startswith("--emit=") else x for x in arguments]
        arguments = [f"dependency={host}" if x.startswith("dependency=") else x for x in arguments]
        done = subprocess.run(
            ["rustc", *arguments], cwd=folder, env=env, capture_output=True, check=False
        )
        send(2, done.stderr)
        if done.returncode:
            raise OSError(f"{stem} for Linux: exit code {done.returncode}")
        return result


def is_macro_compiled(arguments, folder, env, send):
    """Note how a library is compiled; if it is a macro, compile it, and nothing else is to be done."""
    pairs = list(pairwise(arguments))
    values, kinds = dict(pairs), {kind for option, kind in pairs if option == "--crate-type"}
    known = {"--out-dir", "--crate-name"} <= values.keys() and "--print" not in " ".join(arguments)
    if not (known and kinds and kinds <= {"lib", "rlib", "proc-macro"}) or "--test" in arguments:
        return False
    extra = (x.partition("extra-filename=")[2] for x in arguments if "extra-filename=" in x)
    out, stem = Path(values["--out-dir"]), values["--crate-name"] + next(extra, "")
    host, macros = out / "host", out / "macros"
    host.mkdir(exist_ok=True, parents=True)
    macros.mkdir(exist_ok=True)
    (host / f"{stem}.json").write_text(json.dumps([arguments, folder, env]))
    for old in host.glob(f"lib{stem}.*"):
        old.unlink()
    if kinds != {"proc-macro"}:
        return False
    library = compile_for_linux(stem, out, send)
    shutil.copy2(library, macros)
    shutil.copy2(library, out / f"{stem}.dll")
    text = (host / f"{stem}.d").read_text().replace(str(library), str(out / f"{stem}.dll"))
    (out / f"{stem}.d").write_text(text.replace(f"{host}/", f"{out}/"))
    return True


def of_windows(program, text):
    """Make of what a program prints what it would print on Windows."""
    if program == "rustc":
        text = re.sub(rb"(?m)^/usr$", rb"Z:\\usr", text)
        return text.replace(b"host: x86_64-unknown-linux-gnu", b"host: " + TARGET.encode())
    return re.sub(rb"(?m)^/", b"Z:/", text) if program == "git" else text  # as Git for Windows


class Handler(socketserver.BaseRequestHandler):
    def number(self):
        return struct.unpack("<i", self.request.recv(4, socket.MSG_WAITALL))[0]

    def bytes(self):
        size = self.number()
        return self.request.recv(size, socket.MSG_WAITALL) if size else b""

    def text(self):
        return self.bytes().decode("utf-8", "surrogateescape")

    def send(self, stream, data):
        if data:
            self.request.sendall(struct.pack("<ii", stream, len(data)) + data)

    def handle(self):
        program = self.text().replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".exe").lower()
        folder = unix(self.text())
        arguments = unix_arguments([self.text() for _ in range(self.number())])
        variables = [self.text().partition("=")[::2] for _ in range(self.number())]
        env = {name: value for name, value in variables if name and name.upper() not in DROPPED}
        env |= {name: unix(env[name]) for name in env if name.startswith(("OUT_DIR", "GIT_"))}
        try:
            code = self.run(program, folder, arguments, env | OWN, self.bytes())
        except OSError as error:
            self.send(2, f"shim: {error}\n".encode())
            code = 101
        self.request.sendall(struct.pack("<ii", 0, code))

    def run(self, program, folder, arguments, env, data):
        if program != "git":
            arguments = with_externs(
                arguments,
                lambda x: x.with_name("macros") / f"lib{x.stem}.so" if x.suffix == ".dll" else x,
            )  # fmt: skip
            for text in [x for x in arguments if x.startswith("dependency=")]:
                arguments += ["-L", f"{text}/macros"]
            if program == "rustc" and is_macro_compiled(arguments, folder, env, self.send):
                return 0
            if not any(x.startswith("--target") for x in arguments):
                arguments += ["--target", TARGET]
        if "--test-runtool" in arguments:  # of doctests, which start here
            index = arguments.index("--test-runtool")
            arguments[index + 1 : index + 2] = ["wine", "--test-runtool-arg", arguments[index + 1]]
        done = subprocess.run(
            [program, *arguments], cwd=folder, env=env, input=data, capture_output=True, check=False
        )
        self.send(2, done.stderr)
        self.send(1, of_windows(program, done.stdout))
        return done.returncode


if __name__ == "__main__":
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.daemon_threads = True
    socketserver.ThreadingTCPServer(("127.0.0.1", 7997), Handler).serve_forever()
