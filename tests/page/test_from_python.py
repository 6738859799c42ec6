"""Pages of models from Python."""

import numpy as np
import pytest

import converter
from converter.backend.tensorflow import keras
from converter.errors import OutputError
from tests.lower.oracle import sequential
from tests.page.looking import Page

L = keras.layers


def test_a_page_of_a_converted_a_loaded_and_a_trained_model(tmp_path):
    live = sequential((6, 6, 2), L.Flatten(name="flat"), L.Dense(3, activation="softmax"))
    live.compile("sgd", "categorical_crossentropy")
    model = converter.convert(live)
    converted = Page(model.save_page(tmp_path / "converted.html").read_text())
    assert converted.title == live.name
    assert "differ by" in converted.text("Compared with Keras")
    x = np.random.default_rng(0).random((8, 6, 6, 2), np.float32)
    trained = model.train(x, np.arange(8) % 3, epochs=2, batch_size=8)
    page = Page(trained.save_page(tmp_path / "trained.html").read_text())
    assert list(page.sections)[:2] == ["Training", "Size"]
    assert page.text("Training").startswith("epochs 2 last epoch loss")
    loaded = converter.load(model.save(tmp_path / "a.mlmodel"))
    page = Page(loaded.save_page(tmp_path / "loaded.html").read_text())
    assert "Compared with Keras" not in page.sections
    with pytest.raises(OutputError, match=r"the name must end in \.html"):
        model.save_page(tmp_path / "page.txt")
