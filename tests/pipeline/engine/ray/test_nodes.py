from pipeline.engine.ray.nodes import Node, _asker, describe, differences, versions_here


def test_this_machine_differs_in_nothing_from_itself() -> None:
    here = versions_here()
    assert {"faceposenet", "ray", "numpy", "opencv-python-headless", "pyarrow", "onnxruntime"} < set(here)
    assert differences(here, _asker(list(here))()) == ""


def test_another_opencv_and_a_missing_package_are_named() -> None:
    here = {"faceposenet": "1.0", "opencv-python-headless": "5.0.0"}
    assert differences(here, {"opencv-python-headless": "4.12.0"}) == (
        "faceposenet is missing (here 1.0), opencv-python-headless 4.12.0 (here 5.0.0)"
    )


def test_nodes_in_words() -> None:
    assert describe([Node("a", "", 8, 1), Node("b", "", 16, 0)]) == "2 nodes, 24 CPUs, 1 GPUs"
