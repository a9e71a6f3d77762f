"""One shape: every alternative made ready, ours verified against float32 arithmetic, and all timed."""

import math

import torch

import ratios
from gpu import Gpu, alternative
from ladder import Refused
from measuring import measure, summary
from peers import calls_alone, composed_mixture, libraries, libraries_with_lse, segments, view
from shapes import LONGEST_CALL, SHORT, too_slow

INPUT_SETS = 3
LARGEST_ERROR = 1e-2  # ||x - y|| / ||y||


def truth_of(tensors, shape):
    """The selected rows of each segment [B, rows, H, D] in float32, head by head, so that the scores fit; a mixture whole."""
    if shape.kind == "mixture":
        return [composed_mixture(libraries_with_lse(bool(shape.causal))["FlashAttention-2"], shape, tensors).float()]
    torch.backends.cuda.matmul.allow_tf32 = False
    found = []
    for q, k, v in zip(*(segments(x, shape) for x in tensors)):
        out = torch.empty(q.shape, device="cuda")
        rows = q.shape[1]
        hidden = torch.ones(rows, rows, device="cuda", dtype=torch.bool).triu(1) if shape.causal else None
        for b in range(q.shape[0]):
            for h in range(q.shape[2]):
                s = q[b, :, h].float() @ k[b, :, h].float().T / math.sqrt(shape.head_dim)
                if shape.causal:
                    s.masked_fill_(hidden, float("-inf"))
                out[b, :, h] = s.softmax(-1) @ v[b, :, h].float()
        found.append(out)
    return found


def error_of(out, lse, truth, shape):
    """||x - y|| / ||y|| over the selected rows; not a number where any row was left as it was."""
    found = [out] if shape.kind == "mixture" else segments(out, shape)
    apart = sum(float((x.float() - y).square().sum()) for x, y in zip(found, truth))
    left = bool(out.isnan().any() or lse.isnan().any())
    return math.nan if left else math.sqrt(apart / sum(float(y.square().sum()) for y in truth))


class Point:
    def __init__(self, shape):
        sizes = shape.batch, shape.tokens, shape.heads, shape.head_dim
        random_normal = lambda: torch.randn(sizes, device="cuda", dtype=torch.bfloat16)
        self.shape = shape
        self.sets = [[random_normal() for _ in range(3)] for _ in range(INPUT_SETS)]
        self.out = torch.empty_like(self.sets[0][0])
        self.lse = torch.empty(shape.batch, shape.heads, shape.tokens, device="cuda")
        self.alternatives, self.left_out, self.errors = [], {}, {}

    def add(self, name, calls):
        """A call for each set of inputs; seconds of one call, or nothing. One that fails must not stop the others."""
        try:
            self.alternatives.append(alternative(name, calls))
            return self.alternatives[-1].estimate
        except Exception as error:
            self.left_out[name] = (str(error).splitlines() or [type(error).__name__])[0][:200]
            torch.cuda.synchronize()
            return None

    def add_ladder(self, ladder, rates):
        """Our steps. `rates`: TFLOP/s of every step by (name, D, causal), as met before; those that were slow are left out."""
        truth, shape = truth_of(self.sets[0], self.shape), self.shape
        for name in ladder.names:
            if slow := too_slow(shape, rates, name):
                self.left_out[name] = slow
                continue
            self.out.fill_(math.nan)
            self.lse.fill_(math.nan)
            try:
                calls = [ladder.prepare(name, shape, s, self.out, self.lse) for s in self.sets]
            except Refused as refusal:
                self.left_out[name] = str(refusal)
                continue
            try:
                calls[0]()
                self.errors[name] = error_of(self.out, self.lse, truth, shape)
            except RuntimeError as error:  # the device cannot be used any more
                raise RuntimeError(f"{name} failed at {shape.describe()}: {error}") from error
            if not self.errors[name] < LARGEST_ERROR:
                self.left_out[name] = f"wrong: relative error {self.errors[name]}"
                continue
            estimate = self.add(name, calls)
            if not estimate:
                continue
            if shape.is_for_every_step():
                rates[name, shape.head_dim, shape.causal] = shape.flops() / estimate / 1e12
            if shape.kind == "dense" and shape.tokens > SHORT and estimate < LONGEST_CALL / 10:
                self.add(name + ratios.AGAIN, calls)
            if shape.kind == "dilated" and shape.dilation > 1:
                bare = [ladder.prepare(name, shape, s, self.out, self.lse, clears=False) for s in self.sets]
                self.add(name + ratios.BARE, bare)

    def add_library(self, name, call):
        """`call` of one set of inputs."""
        self.add(name, [lambda s=s: call(s) for s in self.sets])

    def add_libraries(self):
        shape, causal = self.shape, bool(self.shape.causal)
        if shape.kind == "mixture":
            for name, call in libraries_with_lse(causal).items():
                self.add_library(name, lambda s, call=call: composed_mixture(call, shape, s))
                self.add_library(name + ratios.ALONE, lambda s, call=call: calls_alone(call, shape, s))
        elif shape.divides():
            for name, call in libraries(causal).items():
                self.add_library(name, lambda s, call=call: call(*(view(x, shape) for x in s)))
                if shape.dilation > 1 and shape.kind == "dilated" and name != "FlashAttention-2":  # never the best there
                    self.add_library(name + ratios.GATHERED, lambda s, call=call: self.gathered(call, s))

    def gathered(self, call, tensors):
        rows = call(*(view(x, self.shape).contiguous() for x in tensors))
        self.out.zero_()
        view(self.out, self.shape).copy_(rows)

    def measured(self, seconds):
        measure(self.alternatives, seconds, Gpu)
        flops = self.shape.flops()
        return {
            "shape": self.shape.describe(),
            "flops": flops,
            "relative_error": self.errors,
            "left_out": self.left_out,
            "alternatives": {
                a.name: {state: summary(samples, flops) for state, samples in a.samples.items()} for a in self.alternatives
            },
        }
