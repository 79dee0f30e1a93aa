"""Folders like those of the releases, with random weights; as large as asked for."""

import numpy as np

from fpn_core.convert import fpn_2017, fpn_2018

IMAGE_MEAN = np.array([0.37, 0.41, 0.51])
LABEL_MEAN = np.array([0.02, -0.3, 0.01, 12.0, -20.0, 2600.0])
LABEL_STD = np.array([0.2, 0.6, 0.3, 40.0, 30.0, 250.0])


def random_weights(shapes, rng):
    """Weights that keep values of the order of 1 through any number of layers."""
    weights = {}
    for name, shape in shapes.items():
        kind = name.rsplit("/", 1)[1]
        fan_in = np.prod(shape[:-1]) if len(shape) > 1 else 1
        values = rng.normal(0, np.sqrt(2 / fan_in) if len(shape) > 1 else 0.1, shape)
        values += {"scale": 0.7, "variance": 1.0}.get(kind, 0.0)
        weights[name] = (np.abs(values) if kind == "variance" else values).astype(np.float32)
    return weights


def write_statistics_2017(folder):
    np.savez(folder / "perturb_Oxford_train_imgs_mean.npz", train_mean_vec=IMAGE_MEAN)
    np.savez(
        folder / "perturb_Oxford_train_labels_mean_std.npz", mean_labels=LABEL_MEAN, std_labels=LABEL_STD
    )


def write_release_2017(folder, write_checkpoint, widths, extra=None):
    """The folder of fpn-2017; returns the weights by their names."""
    weights = random_weights(fpn_2017.variable_shapes(widths), np.random.default_rng(1))
    write_statistics_2017(folder)
    write_checkpoint(folder / "model_0_1.ckpt", weights | (extra or {}))
    return weights


def write_statistics_2018(folder):
    """Mean image and labels in the order of size of the original's; returns them."""
    rng = np.random.default_rng(2)
    image = rng.uniform(80, 130, (3, 224, 224))
    pose_mean, pose_std = [8e-4, -0.15, 0.0, 0.0, 111.0, 114.0], [4e-5, 0.2, 0.9, 0.2, 36.0, 9.5]
    entries_mean = [5e-4, 0, 0, 0, 8e-4, 9e-5, 0, -7e-5, 5e-4, 111.0, 115.0, 0]
    entries_std = [2e-4, 2e-4, 6e-4, 1e-4, 7e-5, 2e-4, 6e-4, 1e-4, 2e-4, 37.0, 9.5, 0]
    shape = rng.normal(size=128)
    labels = {
        "mean_300WLP": np.concatenate([pose_mean, shape]),
        "std_300WLP": np.concatenate([pose_std, np.abs(shape)]),
        "mean_ProjMat": np.concatenate([pose_mean, shape, entries_mean]),
        "std_ProjMat": np.concatenate([pose_std, np.abs(shape), entries_std]),
    }
    (folder / "train_stats").mkdir()
    np.save(folder / "train_stats/3DMM_shape_mean.npy", image)
    for name, values in labels.items():
        np.save(folder / f"train_stats/train_label_{name}.npy", values)
    return image, labels


CHECKPOINTS_2018 = {
    "norms": "ini_shapeNet_model_L7L_trainable.ckpt",
    "6dof": "model_0.0001_1_18_0.0_2048_4096.ckpt",
    "projmat": "model_iniLR_0.001_wProjMat_1.0_wLmks_10.0_wd_0.0_do_1_122.ckpt",
}


def random_weights_2018(depths, last_layer=1.0):
    """Weights of the three checkpoints. The first also holds convolutions, which the second replaces.

    `last_layer` scales the weights of the last layer, so that labels of a deep network are of the order of 1.
    """
    rng = np.random.default_rng(3)
    body, norms = fpn_2018.body_shapes(depths)
    weights = {
        "norms": random_weights(norms, rng) | random_weights(body, rng),
        "6dof": random_weights(body, rng) | random_weights(fpn_2018.pose_shapes(depths, "6dof"), rng),
        "projmat": random_weights(fpn_2018.pose_shapes(depths, "projmat"), rng),
    }
    for variant in ("6dof", "projmat"):
        weights[variant]["Pose/fc3/W"] *= np.float32(last_layer)
    return weights


def write_release_2018(folder, write_checkpoint, depths):
    """The folder of both networks of 2018; returns weights by checkpoint, mean image and labels."""
    (folder / "models").mkdir()
    weights = random_weights_2018(depths)
    for name, variables in weights.items():
        write_checkpoint(folder / "models" / CHECKPOINTS_2018[name], variables)
    return weights, *write_statistics_2018(folder)
