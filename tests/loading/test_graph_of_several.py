"""Which graph of a SavedModel with several is read: the one that serves."""

import pytest

from converter.errors import KerasFileError
from converter.loading.saved_graph.message import SavedModel, read_graph

SERVES, TRAINS = ("serve",), ("train",)


@pytest.mark.parametrize(
    ("tags", "read"),
    [
        ([SERVES], 0), ([TRAINS, ("train", "serve")], 1), ([(), SERVES], 1),  # it serves
        ([TRAINS, ()], 1), ([()], 0),  # nothing says for what it is
        ([TRAINS, ("eval",)], 0),  # none of them
    ],
)  # fmt: skip
def test_the_graph_that_serves_comes_first_and_then_one_for_no_purpose(tags, read, tmp_path):
    message = SavedModel()
    for number, each in enumerate(tags):
        found = message.meta_graphs.add().meta_info_def
        found.tags.extend(each)
        found.meta_graph_version = str(number)
    (tmp_path / "saved_model.pb").write_bytes(message.SerializeToString())
    assert read_graph(tmp_path).meta_info_def.meta_graph_version == str(read)


def test_a_file_without_a_graph_is_damaged(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(SavedModel().SerializeToString())
    with pytest.raises(KerasFileError, match="is damaged"):
        read_graph(tmp_path)
