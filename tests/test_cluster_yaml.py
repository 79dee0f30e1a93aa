import json
from pathlib import Path

import jsonschema
import ray
import yaml

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
