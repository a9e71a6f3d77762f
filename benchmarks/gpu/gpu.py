"""What measuring.py replays, times and pauses with: CUDA graphs between CUDA events, through PyTorch."""

import time

import torch

from measuring import Alternative


class Gpu:
    """What measuring.py replays, times and pauses with."""

    now, pause, wait = staticmethod(time.monotonic), staticmethod(time.sleep), staticmethod(torch.cuda.synchronize)

    @staticmethod
    def burst(replays):
        events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in replays]
        for (begin, end), replay in zip(events, replays):
            begin.record()
            replay()
            end.record()
        torch.cuda.synchronize()
        return [begin.elapsed_time(end) for begin, end in events]


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


def alternative(name, calls):
    return Alternative(name, [Graph(call).replay for call in calls], Gpu)
