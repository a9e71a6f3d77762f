"""Files that are written whole, or not at all, as OutputFile of reference/definition/output_file.hpp does for the programs."""

import contextlib
import errno
import os
import pathlib
import shutil
import signal
import sys
import tempfile


def put_in_place(made, path):
    """A finished file takes the place of what is at the path, and its mode. A link stays; a device is never replaced."""
    target = pathlib.Path(os.path.realpath(path))
    if target.exists():
        if not target.is_file():
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        shutil.copymode(target, made)
    os.replace(made, target)


def folder_beside(path):
    """A folder beside what the path leads to, which is removed with its contents."""
    return tempfile.TemporaryDirectory(prefix=".dra-", dir=os.path.dirname(os.path.realpath(path)))


def write_whole(path, text):
    with folder_beside(path) as beside:
        made = pathlib.Path(beside) / "partial"
        made.write_text(text, encoding="utf-8")
        put_in_place(made, path)


def check_writable(path):
    """Called before anything is computed: whether a file can be made beside it, and what is there be replaced."""
    folder_beside(path).cleanup()
    if os.path.exists(path) and not (os.path.isfile(path) and os.access(path, os.W_OK)):
        raise OSError(errno.EINVAL, "must be a regular file that can be written", str(path))


@contextlib.contextmanager
def one_line_of_failure(program):
    """A file that cannot be written is one line and status 1; a signal that ends the program lets it clean up first."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda of, frame: sys.exit(128 + of))
    try:
        yield
    except OSError as error:
        sys.exit(f"{program}: {error.filename or 'output'}: {error.strerror or error}")
