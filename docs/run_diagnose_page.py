"""Runs the programs and commands that docs/diagnose.md shows, as they stand there, and a ring in PyTorch as a black box.

    python3 -m venv venv && venv/bin/pip install numpy torch safetensors
    venv/bin/python docs/run_diagnose_page.py build/release/cli/dra

The page's wrong example must be named mask-sign. A right ring in PyTorch must pass the probes; one with a planted mistake
must be named by the probes, and by `dra diagnose` on one result.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "diagnose.md")
PLANTED = {"offset": "mask-sign", "mean": "merge-mean"}  # what is planted below, and its name


def merge(out_a, lse_a, out_b, lse_b):
    """Two partial results over other keys of the same rows: (B, N, D) and (B, N)."""
    lse = torch.logaddexp(lse_a, lse_b)
    a, b = (torch.exp(x - lse).nan_to_num(0)[..., None] for x in (lse_a, lse_b))
    return a * out_a + b * out_b, lse


def head(q, k, v, joined, causal, scale, ranks, planted):
    """One pattern of one head: q, k, v (B, N, D); joined (N, N) says which queries and keys the pattern joins."""
    N = q.shape[1]
    n, length = torch.arange(N), -(-N // ranks)
    out, lse = torch.zeros_like(q), torch.full(q.shape[:2], -torch.inf, dtype=q.dtype)
    for chunk, start in enumerate(range(0, N, length)):
        col = n[start:start + length]
        seen = joined[:, col]
        if causal and planted == "offset":  # on the wrong side: the chunk's columns count from 0, and rows move
            seen = seen & (n[:, None] + start >= col - start)
        elif causal:
            seen = seen & (n[:, None] >= col)
        s = (scale * q @ k[:, col].transpose(1, 2)).masked_fill(~seen, -torch.inf)
        chunk_out, chunk_lse = torch.softmax(s, -1).nan_to_num(0) @ v[:, col], s.logsumexp(-1)
        merged, lse = merge(out, lse, chunk_out, chunk_lse)
        out = (chunk * out + chunk_out) / (chunk + 1) if planted == "mean" else merged  # whatever their lse
    return out, lse


def attention(q, k, v, segments, dilations, mode, phase, causal, scale, ranks, planted=None):
    """Dilated ring attention over [B, N, H, D], one chunk of keys a rank, merged by lse; or with a mistake in it."""
    B, N, H, D = q.shape
    kv_heads, patterns = k.shape[2], len(segments)
    sizes = [kv_heads // patterns + (i >= patterns - kv_heads % patterns) for i in range(patterns)]
    n = torch.arange(N)
    out, lse = torch.zeros_like(q), torch.full((B, H, N), -torch.inf, dtype=q.dtype)
    for h in range(H):
        g = h * kv_heads // H
        for i, (w, r) in enumerate(zip(segments, dilations)):
            if mode == "groups" and not sum(sizes[:i]) <= g < sum(sizes[:i + 1]):
                continue
            o = {"group": i % r, "head": g % r, "head-block": g // -(-kv_heads // r)}[phase]
            selected = n % w % r == o
            joined = selected[:, None] & selected & (n[:, None] // w == n // w)
            found = head(q[:, :, h], k[:, :, g], v[:, :, g], joined, causal, scale, ranks, planted)
            out[:, :, h], lse[:, h] = merge(out[:, :, h], lse[:, h], *found)
    return out, lse


def shell(code, status):
    """Runs a block of commands; the last one must end with this status."""
    print("".join(f"$ {line}\n" for line in code.splitlines()), end="", flush=True)
    done = subprocess.run(["sh", "-c", code], capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr, flush=True)
    if done.returncode != status:
        sys.exit(f"exit status {done.returncode}, not {status}")
    return done.stdout


def must_name(said, defect):
    matches = re.findall(r"^  (\S+) +(?:residual|fits every answer)", said, re.M)
    if defect not in matches:
        sys.exit(f"named {matches}, not {defect}")


def block(page, language, words):
    """The page's block of this language with these words in it."""
    return next(code for code in re.findall(rf"```{language}\n(.*?)```", page, re.S) if words in code)


def one_result(page):
    example = block(page, "sh", "oracle --emit")
    shell(example, 0)
    exec(block(page, "python", "offset = col"), {})
    must_name(shell(example.splitlines()[-1], 1), "mask-sign")

    x = load_file("x.safetensors")
    for planted, defect in PLANTED.items():
        out, lse = attention(x["q"], x["k"], x["v"], [64], [1], "groups", "group", True, 0.25, 4, planted)
        exec(block(page, "python", "save_file({\"q\": q"), {**x, "out": out, "lse": lse})
        must_name(shell(example.splitlines()[-1], 1), defect)


def black_box(page, planted):
    shutil.rmtree("probes", ignore_errors=True)
    shell(block(page, "sh", "probe --emit"), 0)
    exec(block(page, "python", "my_attention"), {"my_attention": functools.partial(attention, planted=planted)})
    said = shell(block(page, "sh", "probe --check"), 1 if planted else 0)
    if planted:
        must_name(said, PLANTED[planted])


def main():
    dra = os.path.abspath(sys.argv[1])
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.symlink(dra, "dra")
        one_result(page)
        for planted in [None, *PLANTED]:
            black_box(page, planted)
        os.chdir("/")


if __name__ == "__main__":
    main()
