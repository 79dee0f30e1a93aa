"""Writes the small checkpoints of TensorFlow's own hand that tests/fpn_core/convert reads in every run:

python tests/tensorflow/write_samples.py tests/fpn_core/convert/samples
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

SAMPLES = {
    "net/conv1/W": np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5) / 7,
    "net/conv1/baises": np.linspace(-1, 1, 4).astype(np.float32),
    "net/fc/W": np.arange(12.0).reshape(3, 4) / 11,
    "net/scalar": np.array(2.5, np.float32),
    "global_step": np.array(1000, np.int32),
}


def main(folder: Path) -> None:
    versions = {"version_1.ckpt": tf.train.SaverDef.V1, "version_2.ckpt": tf.train.SaverDef.V2}
    for name, version in versions.items():
        with tf.Graph().as_default(), tf.Session() as session:
            variables = [tf.get_variable(key, initializer=value) for key, value in SAMPLES.items()]
            session.run(tf.global_variables_initializer())
            saver = tf.train.Saver(variables, write_version=version)
            saver.save(session, str(folder / name), latest_filename=f"{name}.state", write_meta_graph=False)
        (folder / f"{name}.state").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
