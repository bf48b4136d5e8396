"""A small network and the images that it is asked about. Real matrix work: three layers with ten million
weights, 42 MB that every call has to read. That is why ten images cost three times what one does, not ten
times."""

import numpy

LAYERS = (3072, 2048, 2048, 10)  # 32 x 32 pixels of 3 colours, to ten labels
IMAGES = 1_000
SEED = 7


class Model:
    def __init__(self):
        rng = numpy.random.default_rng(SEED)
        self.weights = [rng.standard_normal((out, into), dtype=numpy.float32) / into ** 0.5
                        for into, out in zip(LAYERS, LAYERS[1:])]

    def labels(self, images):
        """One label for each row of `images`."""
        x = images.T.astype(numpy.float32) / 255 - 0.5
        for weight in self.weights[:-1]:
            x = numpy.maximum(weight @ x, 0)
        return [int(label) for label in (self.weights[-1] @ x).argmax(axis=0)]


def make_images():
    """Blobs of colour over noise, a row each, the same in every process: jobs name an image by its
    number."""
    rng = numpy.random.default_rng(SEED)
    y, x = numpy.mgrid[0:32, 0:32]
    images = rng.integers(0, 64, (IMAGES, 32, 32, 3), dtype=numpy.uint8)
    for image in images:
        at_y, at_x, wide = rng.integers(4, 28), rng.integers(4, 28), rng.integers(2, 9)
        image[(y - at_y) ** 2 + (x - at_x) ** 2 < wide ** 2] += rng.integers(
            0, 192, 3, dtype=numpy.uint8)
    return images.reshape(IMAGES, -1)
