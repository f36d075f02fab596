"""The three neural networks, loaded through OpenCV. `models/NOTICE` names their origin and licence."""

import hashlib
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .arrays import Field

_FOLDER = Path(__file__).with_name("models")
_SHA256 = {
    "face_detection_short_range": "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    "pose_landmark_full": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "selfie_segmentation": "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
}


@cache
def _network(name: str) -> cv2.dnn.Net:
    data = (_FOLDER / f"{name}.tflite").read_bytes()
    if hashlib.sha256(data).hexdigest() != _SHA256[name]:
        raise RuntimeError(f"The model file {name}.tflite is damaged: its SHA-256 is not the one it was released with.")
    return cv2.dnn.readNetFromTFLite(np.frombuffer(data, np.uint8))


def load_all() -> int:
    """Load every network, and return how many there are. Raises `RuntimeError` when a file is damaged."""
    return len([_network(name) for name in _SHA256])


def run(name: str, pixels: Field, outputs: tuple[str, ...]) -> list[NDArray[np.float32]]:
    """Run a network on one (height, width, 3) input and return the named outputs.

    A network is not to be used by two threads at once. Raises RuntimeError when the model file is damaged.
    """
    network = _network(name)
    network.setInput(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))
    return [np.asarray(output, np.float32) for output in network.forward(list(outputs))]


def sigmoid(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logistic function of the value."""
    return (1 / (1 + np.exp(-np.clip(value, -30, 30)))).astype(np.float32)
