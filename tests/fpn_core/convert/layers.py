"""TensorFlow's layers in NumPy, slowly and by their definitions; n x height x width x channels throughout."""

import numpy as np


def padded_same(x, kernel, stride, value=0.0):
    """TensorFlow's SAME: the output has ceil(size / stride) pixels, the odd pixel of padding last."""
    size = x.shape[1]
    total = max((int(np.ceil(size / stride)) - 1) * stride + kernel - size, 0)
    sides = (total // 2, total - total // 2)
    return np.pad(x, ((0, 0), sides, sides, (0, 0)), constant_values=value)


def windows(x, kernel, stride):
    """n x out x out x channels x kernel x kernel."""
    return np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]


def convolve(x, weights, biases=0.0, stride=1, groups=1):
    kernel = weights.shape[0]
    x = padded_same(x.astype(np.float64), kernel, stride)
    inputs, outputs = np.split(x, groups, axis=3), np.split(weights, groups, axis=3)
    parts = [
        np.einsum("nyxchw,hwco->nyxo", windows(i, kernel, stride), o, optimize=True)
        for i, o in zip(inputs, outputs, strict=True)
    ]
    return np.concatenate(parts, axis=3) + biases


def max_pool(x, kernel, stride):
    return windows(x, kernel, stride).max(axis=(4, 5))


def local_response(x, radius=2, alpha=2e-5, beta=0.75):
    out = np.empty_like(x)
    for c in range(x.shape[3]):
        near = x[..., max(c - radius, 0) : c + radius + 1]
        out[..., c] = x[..., c] / (1 + alpha * (near**2).sum(axis=3)) ** beta
    return out


def relu(x):
    return np.maximum(x, 0)
