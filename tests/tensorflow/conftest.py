"""The proof against TensorFlow itself, which is too large for the ordinary environment.

pip install tensorflow-cpu onnx onnxruntime pytest pytest-timeout beartype scipy
pytest tests/tensorflow
"""

import warnings

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "tensorflow: needs the package tensorflow-cpu (1.5 GB)")


@pytest.fixture(scope="session")
def tf():
    """`tensorflow.compat.v1`, building graphs as the original did; a skip where it is not installed."""
    with warnings.catch_warnings():
        # TensorFlow's imports warn about its own future.
        warnings.simplefilter("ignore")
        tensorflow = pytest.importorskip(
            "tensorflow",
            reason="needs TensorFlow, which the test environment leaves out: pip install tensorflow-cpu",
        )
    v1 = tensorflow.compat.v1
    v1.logging.set_verbosity(v1.logging.ERROR)
    return v1


@pytest.fixture(params=["version 1", "version 2"])
def save(request, tf):
    """Saves the variables of a session by TensorFlow's own Saver, in either version of the format."""
    written = {"version 1": tf.train.SaverDef.V1, "version 2": tf.train.SaverDef.V2}[request.param]

    def save(session, path, variables):
        tf.train.Saver(variables, write_version=written).save(session, str(path), write_meta_graph=False)

    return save
