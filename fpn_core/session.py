"""Opening an ONNX Runtime session on the device that is asked for, and saying honestly which one it
became."""

import contextlib
import ctypes
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import onnxruntime as ort
from numpy.typing import NDArray

from fpn_core.errors import ModelFileError, ProviderError

# CV_CPU_AVX_512VNNI of opencv2/core/hal/interface.h, which Python's OpenCV does not name.
_AVX512_VNNI = 23

Device = Literal["auto", "cpu", "cuda", "tensorrt"]
DEVICES: tuple[Device, ...] = get_args(Device)

Provider = str | tuple[str, dict[str, bool | str]]
"""A provider as ONNX Runtime takes it: its name, or its name and options."""

TENSORRT = "TensorrtExecutionProvider"
CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"


def open_session(
    model: bytes, source: str, device: Device, threads: int, cache_dir: Path | None = None
) -> tuple[Any, str]:
    """The session of a serialized model, and one sentence on why it runs where it runs.

    "auto" tries CUDA and else takes the CPU. TensorRT spends minutes on building an engine for every batch
    size, so it only comes when asked for; `cache_dir` is where it keeps them for the next time. `source`
    names the model in errors.

    Raises ModelFileError for bytes that are not a network, ProviderError where "cuda" or "tensorrt" was asked
    for and does not work.
    """
    if device == "cpu":
        return _create(model, source, [CPU], threads), "CPU: the CPU was asked for"
    providers = [TENSORRT, CUDA, CPU] if device == "tensorrt" else [CUDA, CPU]
    name = "TensorRT" if device == "tensorrt" else "CUDA"
    obstacle = _gpu_obstacle(providers[0], name)
    if obstacle is None:
        # ONNX Runtime can only be asked by trying: its list of providers is that of the build.
        try:
            session = _create(model, source, _with_options(providers, cache_dir), threads)
        except ModelFileError as error:
            # A file that is at fault fails below, on the CPU, once more.
            obstacle = f"ONNX Runtime cannot open the network on the GPU ({error.__cause__})"
        else:
            if session.get_providers()[0] == providers[0]:
                return session, f"{name}: ONNX Runtime opened the network on the GPU"
            obstacle = (
                f"there is an NVIDIA driver, but no visible GPU, no {_LIBRARIES[name]} libraries, or the"
                f" driver is older than {LEAST_DRIVER}"
            )
    if device != "auto":
        raise ProviderError(
            f"device is {device!r}, but {obstacle}. Install the driver on the machine ({LEAST_DRIVER} or"
            f" newer, for CUDA 13) and the {_LIBRARIES[name]} libraries ({_INSTALL[name]}), or take"
            " device='auto' or 'cpu'."
        )
    return _create(model, source, [CPU], threads), f"CPU: {obstacle}"


LEAST_DRIVER = "R580"
"""The least NVIDIA driver for CUDA 13, which ONNX Runtime from 1.27 on is built for."""
_LIBRARIES = {"CUDA": "CUDA and cuDNN", "TensorRT": "CUDA, cuDNN and TensorRT"}
_INSTALL = {
    "CUDA": "pip install 'faceposenet[cuda]'",
    "TensorRT": "pip install 'faceposenet[cuda]' tensorrt",
}


def might_use_gpu(device: Device) -> bool:
    """Whether poses could run on a GPU of this machine, as far as is known without opening a network."""
    if device == "cpu":
        return False
    return _gpu_obstacle(*((TENSORRT, "TensorRT") if device == "tensorrt" else (CUDA, "CUDA"))) is None


def _gpu_obstacle(provider: str, name: str) -> str | None:
    """Why a provider of NVIDIA need not be tried at all, or None."""
    if provider not in ort.get_available_providers():
        return f"this build of ONNX Runtime has no {name} (the package onnxruntime-gpu has)"
    driver = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        ctypes.CDLL(driver)
    except OSError:
        return f"this machine has no NVIDIA driver ({driver} is not there)"
    return None


def _create(model: bytes, source: str, providers: Sequence[Provider], threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads keep whole cores busy while they wait, which starves the other workers of a node.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if not cv2.checkHardwareSupport(_AVX512_VNNI):
        # ONNX Runtime adds up products of 8-bit numbers in 16 bits on such x86 CPUs, which overflow, unless
        # it is configured not to (onnxruntime_session_options_config_keys.h). OpenCV does not know AVX-VNNI,
        # the same for CPUs without AVX-512: those lose speed by it, and nothing else.
        options.add_session_config_entry("session.x64quantprecision", "1")
    with _quiet():
        if CUDA in providers:
            # Finds the libraries of the pip packages of CUDA and cuDNN.
            ort.preload_dlls()
        try:
            return ort.InferenceSession(model, options, providers=list(providers))
        except Exception as error:
            # The exceptions of ONNX Runtime share no base class of their own.
            raise ModelFileError(
                f"ONNX Runtime cannot load {source}: {error}. Expected one self-contained ONNX file of"
                " standard operators, without external weights or custom-op libraries."
            ) from error


def _with_options(providers: Sequence[str], cache_dir: Path | None) -> list[Provider]:
    """Providers as ONNX Runtime takes them: TensorRT keeps its engines and timings where others find them."""
    if cache_dir is None or TENSORRT not in providers:
        return list(providers)
    folder = cache_dir / "tensorrt"
    folder.mkdir(parents=True, exist_ok=True)
    options: dict[str, bool | str] = {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(folder),
    }
    return [(name, options) if name == TENSORRT else name for name in providers]


def run_bound(
    session: Any, device: str, input_name: str, values: NDArray[Any], outputs: Sequence[str]
) -> list[NDArray[Any]]:
    """The outputs for one input, with input and outputs bound to a device ("cuda", "cpu").

    One copy there, one copy back, and no search for where each array lies: what `session.run` would do anew
    on every call.
    """
    binding = session.io_binding()
    binding.bind_ortvalue_input(input_name, ort.OrtValue.ortvalue_from_numpy(values, device, 0))
    for name in outputs:
        binding.bind_output(name, device)
    session.run_with_iobinding(binding)
    copied: list[NDArray[Any]] = binding.copy_outputs_to_cpu()
    return copied


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without ONNX Runtime's log and prints about providers it falls back from: `provider_reason` says it
    once."""
    fatal, warning = 4, 2
    ort.set_default_logger_severity(fatal)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        ort.set_default_logger_severity(warning)
