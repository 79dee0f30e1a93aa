"""A job on three nodes of one machine, one of which is lost in the middle: run by test_cluster.py.

Usage: python -m tests.e2e.lost_node MANIFEST OUT
"""

import sys
import threading
import time

import ray
from ray.cluster_utils import Cluster

from pipeline.config.settings import load_config
from pipeline.io.storage import Folder
from pipeline.job.ledger import committed_parts
from pipeline.job.run import run_job

KILL_AFTER_PARTS = 4


def main() -> None:
    manifest, out = sys.argv[1:]
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False)
    lost = threading.Event()

    def lose_a_node() -> None:
        while len(committed_parts(Folder(out))) < KILL_AFTER_PARTS:
            time.sleep(0.05)
        cluster.remove_node(nodes[0], allow_graceful=False)
        lost.set()
        print(f"lost a node after {len(committed_parts(Folder(out)))} parts", flush=True)

    threading.Thread(target=lose_a_node, daemon=True).start()
    config = load_config(
        None, ["output.faces_per_part=8", "render.size_px=64", "render.views_deg=[40]", "pose.batch_size=4"]
    )
    summary = run_job(manifest, out, config)
    print(f"posed {summary.totals.posed}, parts {summary.totals.parts}, lost {lost.is_set()}")
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main()
