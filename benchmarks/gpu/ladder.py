"""The kernels of this project, by name, through the C interface of library.cu."""

import ctypes
import errno
import pathlib

import torch


class Refused(Exception):
    """A step that cannot do a shape; the words say why."""


class Ladder:
    def __init__(self, path):
        try:
            self.c = ctypes.CDLL(str(pathlib.Path(path).resolve()))
        except OSError as error:
            raise OSError(errno.ENOEXEC, f"cannot be loaded: {error}", path) from error
        self.c.dra_kernel_name.restype = ctypes.c_char_p
        self.c.dra_prepare.restype = ctypes.c_void_p
        self.c.dra_refusal.restype = ctypes.c_char_p
        self.c.dra_launch.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self.c.dra_release.argtypes = [ctypes.c_void_p]
        self.prepared = []
        self.names = []  # in reading order
        while name := self.c.dra_kernel_name(len(self.names)):
            self.names.append(name.decode())

    def prepare(self, name, shape, tensors, out, lse, clears=True):
        """A function that queues one call on PyTorch's current stream, valid until release().

        `clears`: the rows that the pattern does not select become (0, -inf); without it they stay as they are, as a
        library on a strided view leaves them.
        """
        pointers = [ctypes.c_void_p(x.data_ptr()) for x in (*tensors, out, lse)]
        sizes = [ctypes.c_int(x) for x in (*shape.sizes(), shape.causal, clears, len(shape.patterns))]
        lists = [(ctypes.c_int * len(shape.patterns))(*column) for column in zip(*shape.patterns)]
        handle = self.c.dra_prepare(name.encode(), *pointers, *sizes, *lists)
        if not handle:
            raise Refused(self.c.dra_refusal().decode())
        self.prepared.append(handle)

        def call():
            error = self.c.dra_launch(handle, ctypes.c_void_p(torch.cuda.current_stream().cuda_stream))
            if error:
                raise RuntimeError(f"{name}: CUDA error {error}")

        return call

    def release(self):
        """Gives back what all calls of prepare() hold."""
        torch.cuda.synchronize()
        for handle in self.prepared:
            self.c.dra_release(handle)
        self.prepared.clear()
