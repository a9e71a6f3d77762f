"""Every kernel of the ladder beside FlashAttention-2, cuDNN and FlashAttention-3, in one run; and the card's ceilings.

    python3 benchmark.py ceilings  LIBRARY RESULTS.json
    python3 benchmark.py attention LIBRARY RESULTS.json [--seconds S] [--shapes dense,mixture,dilated]

Measured as follows. A call is a CUDA graph, replayed between two events, on three sets of random normals that together
are larger than the L2, in turn; ten replays warm up. Alternatives take turns in random order, round after round. Two
states: *rested*, 40 ms of pause before each burst, and *hot*, back to back. At the dense shapes our kernels are in the
list twice, so that a difference within such a pair is seen to be noise. TFLOP/s = 4 D (visible pairs) / median time.

The libraries compute a dilated problem in two ways: on a strided view of the tokens (which leaves the rows that are not
selected unwritten, and scatters nothing), and by gather, dense call, scatter (what people do).
"""

import argparse
import ctypes
import datetime
import json
import math
import random
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

try:
    from fa3_fwd_interface import flash_attn_func as flash_attention_3
except ImportError:
    flash_attention_3 = None

INPUT_SETS = 3
WARM_UPS = 10
PAUSE = 0.040  # seconds, before each burst of the rested state
BURST = 0.012  # seconds
DATASHEET_TFLOPS = 989  # bf16, dense, of the H100 and H200 (SXM)


class Library:
    """The kernels of this project, by name, through the C interface of library.cu."""

    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        self.c.dra_kernel_name.restype = ctypes.c_char_p
        self.c.dra_prepare.restype = ctypes.c_void_p
        self.c.dra_refusal.restype = ctypes.c_char_p
        self.c.dra_launch.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self.names = []
        while name := self.c.dra_kernel_name(len(self.names)):
            self.names.append(name.decode())

    def prepare(self, name, shape, q, k, v, out, lse):
        """A function that queues one call on PyTorch's current stream, or None and the reason why there is none."""
        pointers = [ctypes.c_void_p(x.data_ptr()) for x in (q, k, v, out, lse)]
        sizes = [ctypes.c_int(x) for x in (*shape.sizes(), shape.causal, len(shape.patterns))]
        lists = [(ctypes.c_int * len(shape.patterns))(*column) for column in zip(*shape.patterns)]
        handle = self.c.dra_prepare(name.encode(), *pointers, *sizes, *lists)
        if not handle:
            return None, self.c.dra_refusal().decode()

        def call():
            error = self.c.dra_launch(handle, ctypes.c_void_p(torch.cuda.current_stream().cuda_stream))
            if error:
                raise RuntimeError(f"{name}: CUDA error {error}")

        return call, ""


class Shape:
    """B sequences of N tokens, 2048 / D heads of D channels; one pattern (w, r) with phase 0, or a mixture, h mod r."""

    def __init__(self, kind, batch, tokens, head_dim, patterns, causal):
        self.kind, self.batch, self.tokens, self.head_dim = kind, batch, tokens, head_dim
        self.patterns, self.causal = patterns, causal
        self.segment, self.dilation = patterns[0]
        self.heads = 2048 // head_dim

    def sizes(self):
        return self.batch, self.tokens, self.heads, self.head_dim

    def flops(self):
        pairs = 0
        for segment, dilation in self.patterns:
            rows = segment // dilation
            pairs += (rows * (rows + 1) // 2 if self.causal else rows * rows) * (self.tokens // segment)
        return 4 * self.head_dim * pairs * self.batch * self.heads

    def describe(self):
        return {
            "kind": self.kind,
            **dict(zip(("batch", "tokens", "heads", "head_dim"), self.sizes())),
            "segment_lengths": [w for w, _ in self.patterns],
            "dilation_rates": [r for _, r in self.patterns],
            "causal": bool(self.causal),
        }


def shapes(kinds):
    for kind in kinds:
        for head_dim in (128, 64):
            for causal in (0, 1):
                if kind == "dense":
                    for n in (1024, 8192, 2048, 4096, 16384):  # the first, once: what the slowest step can be asked for
                        yield Shape(kind, 1 if n == 1024 else 16384 // n, n, head_dim, [(n, 1)], causal)
                if kind == "dilated":
                    for rows in (512, 1024, 2048):
                        for r in (1, 2, 4, 8):
                            yield Shape(kind, 2, 16384, head_dim, [(rows * r, r)], causal)
                if kind == "mixture":
                    yield Shape(kind, 2, 16384, head_dim, [(2048, 1), (4096, 2), (8192, 4)], causal)


def view(x, shape):
    """The selected rows of each segment: [B * segments, w / r, H, D], strided."""
    return x.view(-1, shape.segment, shape.heads, shape.head_dim)[:, :: shape.dilation]


def library_call(backend, shape):
    def call(q, k, v):
        with sdpa_kernel(backend):
            arguments = [x.transpose(1, 2) for x in (q, k, v)]
            return F.scaled_dot_product_attention(*arguments, is_causal=bool(shape.causal)).transpose(1, 2)

    return call


def peers(shape):
    """name -> function of (q, k, v), views of the selected rows."""
    found = {
        "FlashAttention-2": library_call(SDPBackend.FLASH_ATTENTION, shape),
        "cuDNN": library_call(SDPBackend.CUDNN_ATTENTION, shape),
    }
    if flash_attention_3:

        def third(q, k, v):
            out = flash_attention_3(q, k, v, causal=bool(shape.causal))
            return out[0] if isinstance(out, tuple) else out

        found["FlashAttention-3"] = third
    return found


def with_lse(operator, shape):
    """The operators of PyTorch that also return lse: [b, m, h, D] and [b, h, m]."""

    def call(q, k, v):
        arguments = [x.transpose(1, 2) for x in (q, k, v)]
        if operator == "cuDNN":
            found = torch.ops.aten._scaled_dot_product_cudnn_attention(
                *arguments, attn_bias=None, compute_log_sumexp=True, is_causal=bool(shape.causal)
            )
        else:
            found = torch.ops.aten._scaled_dot_product_flash_attention(*arguments, is_causal=bool(shape.causal))
        return found[0].transpose(1, 2), found[1].reshape(q.shape[0], q.shape[2], q.shape[1])

    return call


def composed_mixture(call, shape, q, k, v):
    """A mixture as it is composed of library calls on strided views, one a pattern and phase, merged by lse."""
    total = torch.empty(q.shape, device="cuda")
    total_lse = torch.empty(q.shape[:3], device="cuda")  # [B, N, H]
    for segment, dilation in shape.patterns:
        for phase in range(dilation):

            def part(x):
                rows = x.view(-1, segment, *x.shape[2:])
                return rows[:, phase::dilation, phase::dilation]

            out, lse = call(*(part(x) for x in (q, k, v)))
            lse = lse.transpose(1, 2)
            if dilation == 1:
                total.copy_(out.reshape(total.shape))
                total_lse.copy_(lse.reshape(total_lse.shape))
                continue
            before = part(total_lse)
            after = torch.logaddexp(before, lse)
            part(total).mul_((before - after).exp_().unsqueeze(-1)).addcmul_(out.float(), (lse - after).exp_().unsqueeze(-1))
            before.copy_(after)
    return total.to(q.dtype)


class Graph:
    """One call, captured."""

    def __init__(self, call):
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            call()
            call()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.kept = call()  # what the call returned lives as long as the graph

    def replay(self):
        self.graph.replay()


class Alternative:
    def __init__(self, name, graphs):
        self.name, self.graphs, self.turn = name, graphs, 0
        self.samples = {"rested": [], "hot": []}
        for _ in range(WARM_UPS):
            self.replay()
        self.estimate = statistics.median(self.burst(5)) / 1e3

    def replay(self):
        self.graphs[self.turn % len(self.graphs)].replay()
        self.turn += 1

    def burst(self, replays):
        events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(replays)]
        for begin, end in events:
            begin.record()
            self.replay()
            end.record()
        torch.cuda.synchronize()
        return [begin.elapsed_time(end) for begin, end in events]


def measure(alternatives, seconds):
    """Rounds in both states until the time is used; at least three rounds."""
    for state in ("rested", "hot"):
        began, rounds = time.time(), 0
        while rounds < 3 or (time.time() - began < seconds / 2 and rounds < 10):
            rounds += 1
            for alternative in random.sample(alternatives, len(alternatives)):
                replays = max(1, min(25, int(BURST / alternative.estimate)))
                if state == "rested":
                    torch.cuda.synchronize()
                    time.sleep(PAUSE)
                alternative.samples[state] += alternative.burst(replays)


def summary(samples, flops):
    quartiles = statistics.quantiles(samples, n=4)
    median = statistics.median(samples)
    return {
        "ms": median,
        "quartiles_ms": [quartiles[0], quartiles[2]],
        "samples": len(samples),
        "tflops": flops / median / 1e9,
    }


def error_of(out, truth, shape):
    found = out if shape.kind == "mixture" else view(out, shape)
    return float((found.float() - truth).norm() / truth.norm())


def compare(library, shape, seconds):
    """All alternatives at one shape: ours are verified, by float32 arithmetic or the composed mixture, then all timed."""
    tensors = [
        [torch.randn(shape.batch, shape.tokens, shape.heads, shape.head_dim, device="cuda", dtype=torch.bfloat16)
         for _ in range(3)]
        for _ in range(INPUT_SETS)
    ]  # fmt: skip
    out = torch.empty_like(tensors[0][0])
    lse = torch.empty(shape.batch, shape.heads, shape.tokens, device="cuda")
    mixture = shape.kind == "mixture"
    reference = lambda: composed_mixture(with_lse("FlashAttention-2", shape), shape, *tensors[0]).float()
    truth = reference() if mixture else truth_of(tensors[0], shape)
    alternatives, left_out, errors = [], {}, {}

    def add(name, calls):
        try:
            alternatives.append(Alternative(name, [Graph(call) for call in calls]))
        except Exception as error:  # one library that refuses a shape must not stop the others
            left_out[name] = str(error).splitlines()[0][:200]
            torch.cuda.synchronize()

    slow = {"naive": [1024], "tiled": [1024, 8192], "tensor_core": [1024, 8192]}  # steps that teach
    for name in library.names:
        if name in slow and not (shape.kind == "dense" and shape.tokens in slow[name]):
            continue
        if shape.kind != "dense" and name not in library.names[-2:]:
            continue
        out.fill_(float("nan"))
        calls = []
        for q, k, v in tensors:
            call, why = library.prepare(name, shape, q, k, v, out, lse)
            calls.append(call)
        if calls[0] is None:
            left_out[name] = why
            continue
        for call in calls[::-1]:  # the first last: its result stays
            call()
        torch.cuda.synchronize()
        errors[name] = error_of(out, truth, shape)
        if not errors[name] < 1e-2:
            left_out[name] = f"wrong: relative error {errors[name]}"
            continue
        add(name, calls)
        if name not in slow and shape.kind == "dense":
            add(name + ", again", calls)
    if mixture:
        for name in ("FlashAttention-2", "cuDNN"):
            call = with_lse(name, shape)
            add(name, [lambda s=s, call=call: composed_mixture(call, shape, *s) for s in tensors])
    for name, call in peers(shape).items() if not mixture else ():
        add(name, [lambda s=s: call(*(view(x, shape) for x in s)) for s in tensors])
        if shape.dilation > 1:

            def gathered(s, call=call):
                rows = call(*(view(x, shape).contiguous() for x in s))
                out.zero_()
                view(out, shape).copy_(rows)

            add(name + ", gathered", [lambda s=s: gathered(s) for s in tensors])
    measure(alternatives, seconds)
    flops = shape.flops()
    return {
        "shape": shape.describe(),
        "flops": flops,
        "relative_error": errors,
        "left_out": left_out,
        "alternatives": {
            a.name: {state: summary(samples, flops) for state, samples in a.samples.items()} for a in alternatives
        },
    }


def truth_of(tensors, shape):
    """[B * segments, w / r, H, D] in float32, head by head, so that the scores fit."""
    torch.backends.cuda.matmul.allow_tf32 = False
    q, k, v = (view(x, shape) for x in tensors)
    out = torch.empty(q.shape, device="cuda")
    rows = q.shape[1]
    mask = torch.ones(rows, rows, device="cuda", dtype=torch.bool).tril() if shape.causal else None
    for b in range(q.shape[0]):
        for h in range(q.shape[2]):
            s = q[b, :, h].float() @ k[b, :, h].float().T / math.sqrt(shape.head_dim)
            if shape.causal:
                s = s.masked_fill(~mask, float("-inf"))
            out[b, :, h] = s.softmax(-1) @ v[b, :, h].float()
    return out


def ceilings():
    """The matrix product that nothing is faster than, and the copy."""
    n = 8192
    pairs = [[torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2)] for _ in range(INPUT_SETS)]
    product = Alternative("product", [Graph(lambda p=p: p[0] @ p[1]) for p in pairs])
    source = torch.randn(1 << 30, device="cuda", dtype=torch.bfloat16)
    target = torch.empty_like(source)
    copy = Alternative("copy", [Graph(lambda: target.copy_(source))])
    measure([product, copy], 6)
    found = {}
    for state in ("rested", "hot"):
        of_product = summary(product.samples[state], 2 * n**3)
        of_copy = summary(copy.samples[state], 0)
        found[state] = {
            "product_tflops": of_product["tflops"],
            "product_ms": of_product["ms"],
            "copy_tbytes": 2 * source.nbytes / of_copy["ms"] / 1e9,
            "copy_ms": of_copy["ms"],
        }
    return found


def environment():
    driver = subprocess.run(
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True, text=True
    ).stdout.strip()
    return {
        "device": torch.cuda.get_device_name(),
        "driver": driver,
        "date": datetime.date.today().isoformat(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "flash_attention_3": flash_attention_3 is not None,
        "datasheet_tflops": DATASHEET_TFLOPS,
    }


def print_row(found):
    s = found["shape"]
    title = f"{s['kind']} D={s['head_dim']} n={s['tokens']} w={s['segment_lengths']} r={s['dilation_rates']}"
    print(title + (" causal" if s["causal"] else ""))
    for name, states in found["alternatives"].items():
        cells = []
        for state in ("rested", "hot"):
            x = states[state]
            spread = 100 * (x["quartiles_ms"][1] - x["quartiles_ms"][0]) / x["ms"]
            cells.append(f"{x['tflops']:6.0f} TFLOP/s {x['ms']:8.3f} ms +-{spread / 2:3.0f} % {state}")
        print(f"  {name:28s} " + "   ".join(cells))
    for name, why in found["left_out"].items():
        print(f"  {name:28s} left out: {why}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("ceilings", "attention"))
    parser.add_argument("library")
    parser.add_argument("results")
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--shapes", default="dense,mixture,dilated")
    options = parser.parse_args()
    record = {"environment": environment()}

    def write():
        with open(options.results, "w") as file:
            json.dump(record, file, indent=1)

    if options.part == "ceilings":
        record["ceilings"] = ceilings()
        for state, x in record["ceilings"].items():
            print(f"{state:7s} product {x['product_tflops']:.0f} TFLOP/s, copy {x['copy_tbytes']:.2f} TB/s")
        write()
        return
    library = Library(options.library)
    points = list(shapes(options.shapes.split(",")))
    ends = time.time() + options.seconds
    record["shapes"], record["not_reached"] = [], 0
    for i, shape in enumerate(points):
        left = ends - time.time()
        if left <= 0:
            record["not_reached"] = len(points) - i
            print(f"the time is used up: {len(points) - i} shapes were not measured")
            break
        found = compare(library, shape, 0.6 * left / (len(points) - i))
        record["shapes"].append(found)
        print_row(found)
        write()
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
