"""The one actor class of the engine. Imports neither OpenCV nor ONNX Runtime: its child process does."""

import time

import pyarrow as pa

from pipeline.engine.supervisor import Supervisor
from pipeline.monitor.metrics import StageMetrics


class StageActor:
    """Takes one item a row, has its supervised process do it, and gives the results, one a row."""

    def __init__(
        self, kind: str, setup: bytes, out: str, stall_timeout_s: float, start_timeout_s: float
    ) -> None:
        self._work = Supervisor(kind, setup, stall_timeout_s=stall_timeout_s, start_timeout_s=start_timeout_s)
        self._work.start()
        self._metrics = StageMetrics(out, kind)

    def __call__(self, block: pa.Table) -> pa.Table:
        results = [self._timed(item.as_buffer().to_pybytes()) for item in block["item"]]
        return pa.table({"item": pa.array(results, pa.large_binary())})

    def _timed(self, item: bytes) -> bytes:
        began_s = time.monotonic()
        result = self._work(item)
        self._metrics.add(time.monotonic() - began_s, self._work.take_stage_s())
        return result
