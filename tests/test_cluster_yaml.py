import json
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml

from pipeline.config.presets import find_config
from pipeline.config.settings import load_config
from pipeline.engine.ray.nodes import Node
from pipeline.engine.ray.pools import ACTOR_MB, make_pools, missing

# GB of the instance types of cluster.yaml, as AWS lists them.
INSTANCE_GB = {"g6.2xlarge": 32, "c6i.4xlarge": 32}
# Ray takes this share of a node's memory for its object store; its own processes and the system take the
# rest.
OBJECT_STORE_SHARE, SYSTEM_GB = 0.3, 3.0

CLUSTER = Path(__file__).parents[1] / "cluster.yaml"


def test_the_cluster_file_fits_the_schema_that_ray_ships() -> None:
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    cluster = yaml.safe_load(CLUSTER.read_text())
    jsonschema.validate(cluster, schema)
    assert cluster["head_node_type"] in cluster["available_node_types"]


def test_the_kubernetes_job_has_the_rays_version_and_groups_of_containers_that_ask_for_what_they_are() -> (
    None
):
    job = yaml.safe_load((CLUSTER.parent / "kuberay.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == ray.__version__
    limits = {
        group["groupName"]: group["template"]["spec"]["containers"][0]["resources"]["limits"]
        for group in cluster["workerGroupSpecs"]
    }
    assert "nvidia.com/gpu" in limits["gpu"]
    assert "nvidia.com/gpu" not in limits["cpu"]


def needed_gb(cpus: float, gpus: float, node_gb: float) -> float:
    """Memory of a node that is full of actors of the preset `cluster`."""
    settings = load_config(find_config("cluster")).engine
    pools = make_pools(settings, on_gpu=True)
    computing = max(pool.cpus for pool in pools)
    actors = cpus / computing + gpus / settings.gpus_per_pose_actor
    return actors * ACTOR_MB / 1024 + OBJECT_STORE_SHARE * node_gb + SYSTEM_GB


def node_types() -> list[tuple[str, float, float, float]]:
    """Every node type with actors of both templates: name, CPUs, GPUs, GB."""
    found = []
    for name, node in yaml.safe_load(CLUSTER.read_text())["available_node_types"].items():
        resources = node["resources"]
        if resources["CPU"]:
            gb = INSTANCE_GB[node["node_config"]["InstanceType"]]
            found.append((f"cluster.yaml {name}", resources["CPU"], resources.get("GPU", 0), gb))
    job = yaml.safe_load((CLUSTER.parent / "kuberay.yaml").read_text())
    for group in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        gb = float(limits["memory"].removesuffix("Gi"))
        gpus = float(limits.get("nvidia.com/gpu", 0))
        found.append((f"kuberay.yaml {group['groupName']}", float(limits["cpu"]), gpus, gb))
    return found


@pytest.mark.parametrize("kind", node_types(), ids=lambda kind: kind[0])
def test_a_node_has_the_memory_that_its_actors_take(kind: tuple[str, float, float, float]) -> None:
    _, cpus, gpus, gb = kind
    assert needed_gb(cpus, gpus, gb) <= gb


def test_a_job_starts_on_the_nodes_that_are_up_at_the_least() -> None:
    types = yaml.safe_load(CLUSTER.read_text())["available_node_types"]
    nodes = [
        Node(f"{name}{n}", "", kind["resources"].get("CPU", 0), kind["resources"].get("GPU", 0))
        for name, kind in types.items()
        for n in range(kind.get("min_workers", 1))
    ]
    pools = make_pools(load_config(find_config("cluster")).engine, on_gpu=True)
    assert missing(pools, nodes) is None


def test_every_node_type_names_its_image() -> None:
    """Ray's own default is Ubuntu 18.04, whose glibc is older than the wheels ask for."""
    for kind in yaml.safe_load(CLUSTER.read_text())["available_node_types"].values():
        assert "ubuntu" in kind["node_config"]["ImageId"]
        assert "24.04" in kind["node_config"]["ImageId"]


def test_the_image_of_kubernetes_is_the_one_that_the_dockerfile_says_how_to_build() -> None:
    job = yaml.safe_load((CLUSTER.parent / "kuberay.yaml").read_text())
    cluster = job["spec"]["rayClusterSpec"]
    images = {
        group["template"]["spec"]["containers"][0]["image"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
    }
    docker = (CLUSTER.parent / "Dockerfile").read_text()
    assert all(f"docker build -t {image} " in docker for image in images)
    assert "USER ray" in docker
