"""The shapes that everything is timed on: H * D = 2048 channels, 16,384 or 32,768 tokens, bf16."""

KINDS = ("dense", "mixture", "uneven", "dilated")
SHORT, TYPICAL = 1024, 8192  # dense lengths at which every step of the ladder is timed that can be waited for

LONGEST_CALL = 0.1  # seconds: a step that would take longer is left out
COMPETES = 0.85  # of the fastest step's rate: slower ones are left out, but where every step is timed


class Shape:
    """B sequences of N tokens, 2048 / D heads of D channels; one pattern (w, r) with phase 0, or a mixture, h mod r."""

    def __init__(self, kind, batch, tokens, head_dim, patterns, causal):
        self.kind, self.batch, self.tokens, self.head_dim = kind, batch, tokens, head_dim
        self.patterns, self.causal = patterns, causal
        self.segment, self.dilation = patterns[0]
        self.heads = 2048 // head_dim

    def sizes(self):
        return self.batch, self.tokens, self.heads, self.head_dim

    def selected(self, segment, dilation):
        """The rows that phase 0 selects in each segment, the shorter last one included."""
        starts = range(0, self.tokens, segment)
        return [len(range(start, min(start + segment, self.tokens), dilation)) for start in starts]

    def flops(self):
        """4 D (visible pairs)."""
        pairs = sum(
            rows * (rows + 1) // 2 if self.causal else rows * rows
            for segment, dilation in self.patterns
            for rows in self.selected(segment, dilation)
        )
        return 4 * self.head_dim * pairs * self.batch * self.heads

    def divides(self):
        """r divides w and w divides N: the selected rows are one strided view."""
        return all(self.tokens % w == 0 and w % r == 0 for w, r in self.patterns)

    def is_for_every_step(self):
        return self.kind == "dense" and self.tokens in (SHORT, TYPICAL)

    def describe(self):
        return {
            "kind": self.kind,
            **dict(zip(("batch", "tokens", "heads", "head_dim"), self.sizes())),
            "segment_lengths": [w for w, _ in self.patterns],
            "dilation_rates": [r for _, r in self.patterns],
            "causal": bool(self.causal),
        }


def of_kind(kind):
    """(batch, tokens, patterns) of each shape of a kind."""
    if kind == "dense":  # how fast a step is, is known from the first two; the rest is left to the fast ones
        return [(1 if n == SHORT else 16384 // n, n, [(n, 1)]) for n in (SHORT, TYPICAL, 2048, 4096, 16384)]
    if kind == "dilated":
        return [(2, 16384, [(rows * r, r)]) for rows in (512, 1024, 2048) for r in (1, 2, 4, 8)]
    if kind == "uneven":  # 2048 rows a segment: the even case; r that does not divide w; N that w does not divide
        return [(2, 16384, [(4096, 2)]), (2, 4 * 4095, [(4095, 2)]), (2, 15384, [(4096, 2)])]
    return [(2, 16384, [(2048, 1), (4096, 2), (8192, 4)])]


def shapes(kinds):
    for kind in kinds:
        for head_dim in (128, 64):
            for causal in (0, 1):
                for batch, tokens, patterns in of_kind(kind):
                    yield Shape(kind, batch, tokens, head_dim, patterns, causal)


def too_slow(shape, rates, name):
    """Why a step is not worth waiting for, or nothing. `rates`: TFLOP/s by (name, D, causal), as met before."""
    key = shape.head_dim, shape.causal
    rate = rates.get((name, *key))
    if not rate:
        return ""
    seconds = shape.flops() / rate / 1e12
    if seconds > LONGEST_CALL:
        return f"a call would take about {seconds:.1f} s"
    fastest = max(found for (_, *of), found in rates.items() if tuple(of) == key)
    if not shape.is_for_every_step() and rate < COMPETES * fastest:
        return f"it reaches {100 * rate / fastest:.0f} % of the fastest step's rate"
    return ""
