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
