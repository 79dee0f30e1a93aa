"""Devices: what is asked for, what runs, and what is said about it."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from fpn_core import ModelFileError, PoseNetwork, ProviderError, session

from .conftest import UINT8_SPEC


def without_driver(name):
    raise OSError(name)


def test_cpu_is_taken_when_asked_for(tiny_network):
    network = PoseNetwork(tiny_network(), device="cpu")
    assert network.provider == "CPUExecutionProvider"
    assert network.provider_reason == "CPU: the CPU was asked for"


def test_auto_falls_back_quietly_and_says_why(tiny_network, monkeypatch, capfd):
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: [session.CUDA, session.CPU])
    monkeypatch.setattr(session.ctypes, "CDLL", without_driver)
    network = PoseNetwork(tiny_network(), device="auto")
    assert network.provider == "CPUExecutionProvider"
    assert network.provider_reason.startswith("CPU: this machine has no NVIDIA driver")
    assert capfd.readouterr() == ("", "")


def test_auto_says_when_the_build_has_no_cuda(tiny_network, monkeypatch):
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: [session.CPU])
    assert "this build of ONNX Runtime has no CUDA" in PoseNetwork(tiny_network()).provider_reason


@pytest.mark.skipif(session.CUDA not in ort.get_available_providers(), reason="this build has no CUDA to try")
def test_driver_without_usable_gpu_falls_back_quietly(tiny_network, monkeypatch, capfd):
    if PoseNetwork(tiny_network()).provider == session.CUDA:
        pytest.skip("this machine has a usable GPU")
    monkeypatch.setattr(session.ctypes, "CDLL", lambda name: None)
    network = PoseNetwork(tiny_network())
    assert network.provider == session.CPU
    assert "there is an NVIDIA driver" in network.provider_reason
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("device", ["cuda", "tensorrt"])
def test_gpu_that_is_not_there_is_refused_at_once_with_the_way_out(device, tiny_network, monkeypatch):
    monkeypatch.setattr(session.ctypes, "CDLL", without_driver)
    with pytest.raises(ProviderError, match=rf"device is '{device}'.*take device='auto' or 'cpu'"):
        PoseNetwork(tiny_network(), device=device)


def test_tensorrt_that_falls_back_to_cuda_is_refused(monkeypatch):
    """ONNX Runtime goes on with the next provider in silence; who asked for TensorRT shall know."""

    class CudaSession:
        def get_providers(self):
            return [session.CUDA, session.CPU]

    monkeypatch.setattr(session, "_gpu_obstacle", lambda *_: None)
    monkeypatch.setattr(session, "_create", lambda model, source, providers, threads: CudaSession())
    with pytest.raises(ProviderError, match=r"no CUDA, cuDNN and TensorRT libraries.*tensorrt"):
        session.open_session(b"", "tiny", "tensorrt", 1)


@pytest.mark.parametrize(
    ("device", "providers", "name"),
    [
        ("auto", [session.CUDA, session.CPU], "CUDA"),
        ("cuda", [session.CUDA, session.CPU], "CUDA"),
        ("tensorrt", [session.TENSORRT, session.CUDA, session.CPU], "TensorRT"),
    ],
)
def test_gpu_that_opens_is_named(device, providers, name, monkeypatch):
    class GpuSession:
        def __init__(self, providers):
            self.get_providers = lambda: providers

    asked = []
    monkeypatch.setattr(session, "_gpu_obstacle", lambda *_: None)
    monkeypatch.setattr(
        session, "_create", lambda model, source, wanted, threads: asked.append(wanted) or GpuSession(wanted)
    )
    assert session.open_session(b"", "tiny", device, 1)[1].startswith(f"{name}: ")
    assert asked == [providers]


def test_gpu_that_fails_while_opening_is_an_obstacle_and_no_fault_of_the_file(tiny_network, monkeypatch):
    create = session._create

    def failing_gpu(model, source, providers, threads):
        if session.CUDA in providers:
            raise ModelFileError("cannot load") from RuntimeError("out of memory")
        return create(model, source, providers, threads)

    monkeypatch.setattr(session, "_gpu_obstacle", lambda *_: None)
    monkeypatch.setattr(session, "_create", failing_gpu)
    network = PoseNetwork(tiny_network())
    assert network.provider == session.CPU and "(out of memory)" in network.provider_reason


def test_sums_of_8_bit_products_do_not_overflow():
    """One convolution of the largest values that there are, whose pairs are beyond 16 bits."""
    channels = 16
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "one", "no_x"], ["x_real"]),
        helper.make_node("DequantizeLinear", ["w", "one", "no_w"], ["w_real"]),
        helper.make_node("Conv", ["x_real", "w_real"], ["y_real"]),
        helper.make_node("QuantizeLinear", ["y_real", "y_scale", "no_x"], ["y"]),
    ]
    weights = np.full((4, channels, 1, 1), 127, np.int8)
    wanted = 200
    constants = {
        "w": weights,
        "one": np.float32(1),
        "no_x": np.uint8(0),
        "no_w": np.int8(0),
        "y_scale": np.float32(channels * 255 * 127 / wanted),
    }
    graph = helper.make_graph(
        nodes,
        "largest",
        [helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, channels, 8, 8])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.UINT8, [1, 4, 8, 8])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    opened, _ = session.open_session(model.SerializeToString(), "largest", "cpu", 1)
    (sums,) = opened.run(None, {"x": np.full((1, channels, 8, 8), 255, np.uint8)})
    assert (sums == wanted).all()


def test_threads_wait_without_spinning(tiny_network):
    options = PoseNetwork(tiny_network(UINT8_SPEC), device="cpu", threads=2)._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_tensorrt_keeps_its_engines_where_it_is_told_to(tmp_path, monkeypatch):
    """Building one takes minutes, for every batch size, in every process."""
    asked = []

    class TensorrtSession:
        def __init__(self, model, options, providers):
            asked.append(providers)

        def get_providers(self):
            return [session.TENSORRT, session.CUDA, session.CPU]

    monkeypatch.setattr(session, "_gpu_obstacle", lambda provider, name: None)
    monkeypatch.setattr(session.ort, "InferenceSession", TensorrtSession)
    monkeypatch.setattr(session.ort, "preload_dlls", lambda: None, raising=False)
    session.open_session(b"", "a network", "tensorrt", 1, tmp_path)
    (name, options), *others = asked.pop()
    assert (name, others) == (session.TENSORRT, [session.CUDA, session.CPU])
    assert options["trt_engine_cache_enable"]
    assert options["trt_timing_cache_enable"]
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(tmp_path / "tensorrt")
    assert (tmp_path / "tensorrt").is_dir()
    session.open_session(b"", "a network", "tensorrt", 1)
    assert asked.pop() == [session.TENSORRT, session.CUDA, session.CPU]


def test_a_gpu_without_its_driver_is_refused_with_the_least_that_does(tiny_network, monkeypatch):
    monkeypatch.setattr(session.ctypes, "CDLL", without_driver)
    with pytest.raises(ProviderError, match=r"R580 or newer, for CUDA 13"):
        PoseNetwork(tiny_network(), device="cuda")
