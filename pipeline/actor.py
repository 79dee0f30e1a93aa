"""The one actor class of the engine. Imports neither OpenCV nor ONNX Runtime: its child process does."""

import pyarrow as pa

from pipeline.supervisor import Supervisor


class StageActor:
    """Takes one item a row, has its supervised process do it, and gives the results, one a row."""

    def __init__(self, kind: str, setup: bytes, stall_timeout_s: float, start_timeout_s: float) -> None:
        self._work = Supervisor(kind, setup, stall_timeout_s=stall_timeout_s, start_timeout_s=start_timeout_s)
        self._work.start()

    def __call__(self, block: pa.Table) -> pa.Table:
        results = [self._work(item.as_buffer().to_pybytes()) for item in block["item"]]
        return pa.table({"item": pa.array(results, pa.large_binary())})
