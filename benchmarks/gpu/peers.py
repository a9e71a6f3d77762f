"""FlashAttention-2, cuDNN and FlashAttention-3, dense, on a strided view of the selected rows, and composed to a mixture.

The libraries compute a dilated problem in two ways: on a strided view of the tokens (which leaves the rows that are not
selected unwritten, and scatters nothing), and by gather, dense call, scatter (what people do). All calls take and give
[b, m, h, D].
"""

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

try:
    from fa3_fwd_interface import flash_attn_func as flash_attention_3
except ImportError:
    flash_attention_3 = None


def view(x, shape):
    """The selected rows of each segment: [B * segments, w / r, H, D], strided."""
    return x.view(-1, shape.segment, shape.heads, shape.head_dim)[:, :: shape.dilation]


def segments(x, shape):
    """The selected rows of each segment, as views [B, rows, H, D]: also where w does not divide N, or r w."""
    starts = range(0, shape.tokens, shape.segment)
    return [x[:, start : start + shape.segment : shape.dilation] for start in starts]


def scaled_dot_product(backend, causal):
    def call(q, k, v):
        with sdpa_kernel(backend):
            arguments = [x.transpose(1, 2) for x in (q, k, v)]
            return F.scaled_dot_product_attention(*arguments, is_causal=causal).transpose(1, 2)

    return call


def libraries(causal):
    """name -> function of (q, k, v)."""
    found = {
        "FlashAttention-2": scaled_dot_product(SDPBackend.FLASH_ATTENTION, causal),
        "cuDNN": scaled_dot_product(SDPBackend.CUDNN_ATTENTION, causal),
    }
    if flash_attention_3:
        found["FlashAttention-3"] = lambda q, k, v: flash_attention_3(q, k, v, causal=causal)
    return found


def libraries_with_lse(causal):
    """name -> function of (q, k, v) that gives also lse [b, h, m]; of PyTorch the operators behind the call above."""

    def flash(q, k, v):
        found = torch.ops.aten._scaled_dot_product_flash_attention(q, k, v, is_causal=causal)
        return found[0], found[1]

    def cudnn(q, k, v):
        found = torch.ops.aten._scaled_dot_product_cudnn_attention(
            q, k, v, attn_bias=None, compute_log_sumexp=True, is_causal=causal
        )
        return found[0], found[1]

    def of(operator):
        def call(q, k, v):
            out, lse = operator(*(x.transpose(1, 2) for x in (q, k, v)))
            return out.transpose(1, 2), lse.reshape(q.shape[0], q.shape[2], q.shape[1])

        return call

    found = {"FlashAttention-2": of(flash), "cuDNN": of(cudnn)}
    if flash_attention_3:
        found["FlashAttention-3"] = lambda q, k, v: flash_attention_3(q, k, v, causal=causal, return_attn_probs=True)[:2]
    return found


def phases(shape):
    """(w, r, phase) of each library call of a mixture: one a pattern and phase h mod r."""
    return [(w, r, phase) for w, r in shape.patterns for phase in range(r)]


def part(x, segment, dilation, phase):
    """[B * segments, w / r, H / r, ...]: the rows of one call, a view of the heads of that phase."""
    return x.view(-1, segment, *x.shape[2:])[:, phase::dilation, phase::dilation]


def calls_alone(call, shape, tensors):
    """The library calls of a mixture, and nothing merged."""
    return [call(*(part(x, *phase) for x in tensors)) for phase in phases(shape)]


def composed_mixture(call, shape, tensors):
    """A mixture as it is composed of library calls, merged by lse; its first pattern has r = 1."""
    total = torch.empty(tensors[0].shape, device="cuda")
    total_lse = torch.empty(tensors[0].shape[:3], device="cuda")  # [B, N, H]
    for phase in phases(shape):
        out, lse = call(*(part(x, *phase) for x in tensors))
        into, before, lse = part(total, *phase), part(total_lse, *phase), lse.transpose(1, 2)
        if phase == phases(shape)[0]:
            into.copy_(out)
            before.copy_(lse)
            continue
        after = torch.logaddexp(before, lse)
        into.mul_((before - after).exp_().unsqueeze(-1)).addcmul_(out.float(), (lse - after).exp_().unsqueeze(-1))
        before.copy_(after)
    return total.to(tensors[0].dtype)
