"""The engine beside PyTorch's scaled_dot_product_attention: the same rows, in the same run, in float32.

    cmake --build build/release --target dra_torch_interface
    python3 -m venv venv && venv/bin/pip install numpy torch
    venv/bin/python benchmarks/torch_speed.py build/release/benchmarks/libdra_torch_interface.so

Four heads (fewer from 8192 rows on) lie interleaved in memory, [1, N, H, D]. With r = 8 the rows are every eighth of
eight times the tokens: there PyTorch gathers, attends and scatters into a zeroed output, and the engine clears the rows
that it leaves out. The results are compared first; then the two take turns, and the medians are divided, and so are the
shortest times: on a host that others share, these are the closest to what the machine itself can do. The backward
pass starts from out and lse. Outputs are reused.
"""

import argparse
import ctypes
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

from whole_file import check_writable, one_line_of_failure, write_whole

TOLERANCE = 1e-4  # of the largest element: the two round differently


class Engine:
    """One problem in the shared library."""

    def __init__(self, library, tokens, heads, head_dim, dilation, causal, threads):
        self.library = library
        self.handle = ctypes.c_void_p(library.speed_open(
            *map(ctypes.c_int64, (tokens, heads, head_dim, dilation)), ctypes.c_bool(causal), ctypes.c_int(threads)))

    def call(self, name, *tensors):
        getattr(self.library, name)(self.handle, *(ctypes.c_void_p(x.data_ptr()) for x in tensors))

    def close(self):
        self.library.speed_close(self.handle)


def heads_first(x, dilation):
    return x[:, ::dilation].transpose(1, 2)


def difference(x, y):
    return ((x - y).abs().max() / y.abs().max()).item()


def interleaved(one, other, samples, seconds):
    """Medians and least times of both, in seconds per call: ((one's, other's), (one's, other's))."""
    times = ([], [])
    calls = []
    for run in (one, other):
        run()
        begin = time.perf_counter()
        run()
        calls.append(max(1, round(seconds / (time.perf_counter() - begin))))
    for _ in range(samples):
        for run, n, into in zip((one, other), calls, times):
            time.sleep(0.003)  # waiting threads of the other's pool go to sleep
            run()
            begin = time.perf_counter()
            for _ in range(n):
                run()
            into.append((time.perf_counter() - begin) / n)
    return [[figure(t) for t in times] for figure in (statistics.median, min)]


def measure(library, direction, rows, head_dim, dilation, causal, threads, samples, seconds):
    torch.manual_seed(1)
    heads = max(1, min(4, 16384 // rows))
    tokens = rows * dilation
    q, k, v, dout = (torch.randn(1, tokens, heads, head_dim) for _ in range(4))
    out, dq, dk, dv = (torch.full_like(q, float("nan")) for _ in range(4))
    torch.set_num_threads(threads)
    engine = Engine(library, tokens, heads, head_dim, dilation, causal, threads)
    theirs = torch.empty_like(q)

    def forward():
        if dilation == 1:
            return F.scaled_dot_product_attention(*(heads_first(x, 1) for x in (q, k, v)), is_causal=causal)
        attended = F.scaled_dot_product_attention(
            *(heads_first(x, dilation).contiguous() for x in (q, k, v)), is_causal=causal)
        theirs.zero_()
        theirs[:, ::dilation] = attended.transpose(1, 2)
        return attended

    with torch.no_grad():
        expected = forward()
    engine.call("speed_forward", q, k, v, out)
    error = difference(heads_first(out, dilation), expected)
    if direction == "forward":
        with torch.no_grad():
            times = interleaved(lambda: engine.call("speed_forward", q, k, v, out), forward, samples, seconds)
        flops = 4
    else:
        leaves = [heads_first(x, 1).detach().requires_grad_() for x in (q, k, v)]
        attended = F.scaled_dot_product_attention(*leaves, is_causal=causal)
        backward = lambda: torch.autograd.grad(attended, leaves, heads_first(dout, 1), retain_graph=True)
        run = lambda: engine.call("speed_backward", q, k, v, out, dout, dq, dk, dv)
        run()
        error = max(error, *(difference(heads_first(x, 1), y) for x, y in zip((dq, dk, dv), backward())))
        times = interleaved(run, backward, samples, seconds)
        flops = 10
    engine.close()
    if not error <= TOLERANCE:
        sys.exit(f"{direction} {rows} rows, D {head_dim}: the results differ by {error:.1e}")
    pairs = rows * (rows + 1) // 2 if causal else rows * rows
    work = flops * head_dim * heads * pairs * 1e-9
    (ours, torchs), (best, torchs_best) = times
    return {"direction": direction, "rows": rows, "heads": heads, "head_dim": head_dim, "dilation": dilation,
            "causal": causal, "threads": threads, "engine_gflops": work / ours, "torch_gflops": work / torchs,
            "ratio": torchs / ours, "engine_best_gflops": work / best, "torch_best_gflops": work / torchs_best,
            "best_ratio": torchs_best / best, "difference": error}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("library")
    arguments.add_argument("--rows", type=int, nargs="+", default=[512, 2048, 4096, 16384])
    arguments.add_argument("--head-dim", type=int, nargs="+", default=[64, 128])
    arguments.add_argument("--threads", type=int, nargs="+", default=[1, torch.get_num_threads()])
    arguments.add_argument("--direction", nargs="+", default=["forward", "backward"])
    arguments.add_argument("--dilation", type=int, nargs="+", default=[1, 8])
    arguments.add_argument("--samples", type=int, default=7)
    arguments.add_argument("--seconds", type=float, default=0.1, help="of a sample")
    arguments.add_argument("--json", help="writes the figures to this file")
    chosen = arguments.parse_args()
    if chosen.json:
        check_writable(chosen.json)
    library = ctypes.CDLL(chosen.library)
    library.speed_open.restype = ctypes.c_void_p

    print(f"PyTorch {torch.__version__}; GFLOP/s of visible pairs, medians of {chosen.samples}")
    print("pass      rows  H   D  r  causal  threads   engine  PyTorch  ratio  of the best")
    figures = []
    for direction in chosen.direction:
        for dilation in chosen.dilation if direction == "forward" else [1]:
            for rows in chosen.rows:
                for head_dim in chosen.head_dim:
                    for causal in (False, True):
                        for threads in sorted(set(chosen.threads)):
                            f = measure(library, direction, rows, head_dim, dilation, causal, threads, chosen.samples,
                                        chosen.seconds)
                            figures.append(f)
                            print(f"{direction:8} {rows:5} {f['heads']:2} {head_dim:3} {dilation:2}  "
                                  f"{'yes' if causal else 'no ':6} {threads:7}  {f['engine_gflops']:7.1f}  "
                                  f"{f['torch_gflops']:7.1f}  {f['ratio']:5.2f}  {f['best_ratio']:5.2f}", flush=True)
    if chosen.json:
        write_whole(chosen.json, json.dumps({"torch": torch.__version__, "figures": figures}, indent=1))


if __name__ == "__main__":
    with one_line_of_failure("torch_speed"):
        main()
