"""Configuration: strict keys, the nearest key named, values round-tripped."""

import pytest

from vidcl.config import Config, dump_config, load_config, parse_config
from vidcl.errors import VidclError


class Inner(Config):
    lr: float = 0.1


class Outer(Config):
    steps: int = 10
    inner: Inner = Inner()
    other: Inner | None = None


def test_dump_is_read_back(tmp_path):
    config = Outer(steps=3, inner=Inner(lr=0.5))
    path = tmp_path / "c.yaml"
    path.write_text(dump_config(config))
    assert load_config(path, Outer) == config


def test_empty_file_gives_the_defaults(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("")
    assert load_config(path, Outer) == Outer()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"stesp": 3}, "did you mean 'steps'"),
        ({"inner": {"lrr": 3}}, "unknown key 'inner.lrr'; did you mean 'lr'"),
        ({"other": {"l_r": 3}}, "did you mean 'lr'"),
        ({"zzzzz": 3}, "known keys: steps, inner, other"),
        ({"steps": "many"}, "steps"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_key(values, text):
    with pytest.raises(VidclError, match=text):
        parse_config(values, Outer)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a: [1", "not valid YAML"),
        (b"- 1\n- 2", "not a list"),
        (b"\xff\xfe\x00", "Cannot read"),
        (b"!!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path, content, text):
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(VidclError, match=text) as caught:
        load_config(path, Outer)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VidclError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml", Outer)
