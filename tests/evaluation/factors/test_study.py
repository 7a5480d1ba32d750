"""Several encoders on several sets: what is embedded, what is chosen, what chance is."""

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.factors.pictures import cone, hill
from vidcl.datasets.labelled import open_labelled_set, write_labelled_set
from vidcl.errors import VidclError
from vidcl.evaluation.encoders import open_encoder
from vidcl.evaluation.factors.measure import found_itself, kept
from vidcl.evaluation.factors.settings import FactorSettings
from vidcl.evaluation.factors.study import chosen, embed_all, measure_all
from vidcl.evaluation.factors.transform import transformed_set
from vidcl.evaluation.table import table_features

SETTINGS = FactorSettings(factors=("crop", "occlusion"), severities=(4, 2), bootstrap=20)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    opened = {}
    for name, image in {"hill": hill(), "cone": cone()}.items():
        images = np.stack([np.roll(image, 4 * k, axis=1) for k in range(10)])
        write_labelled_set(folder / name, name, images, {"class": list("ab" * 5)})
        opened[name] = open_labelled_set(folder / name)
    return opened


def measured(folder, encoders, sets, settings=SETTINGS):
    hashes = {name: data.content_hash() for name, data in sets.items()}
    told = []
    embed_all(encoders, sets, hashes, settings, folder, lambda *counts: told.append(counts))
    systems = measure_all(encoders, sets, hashes, settings, folder, lambda done, total: None)
    return systems, told


def test_every_curve_is_that_of_its_own_set_and_encoder(sets, tmp_path):
    encoders = [open_encoder("raw-pixels"), open_encoder("color-histogram")]
    systems, told = measured(tmp_path, encoders, sets)
    assert [system["name"] for system in systems][2:] == ["i.i.d. features"]
    assert told[-1] == (200, 200)  # 5 looks, 2 encoders, 20 images
    for encoder, system in zip(encoders, systems, strict=False):
        for name, data in sets.items():
            clean = table_features(encoder.table(data))
            for factor in SETTINGS.factors:
                changed = [
                    table_features(encoder.table(transformed_set(data, factor, severity, 0)))
                    for severity in (2, 4)
                ]
                for key, measure in (
                    ("factor_curves", kept),
                    ("factor_curves_recall", found_itself),
                ):
                    points = system["sets"][name][key][factor]["points"]
                    expected = [measure(clean, part).mean() for part in changed]
                    assert [point[0] for point in points] == [0, 2, 4]
                    assert [point[1] for point in points[1:]] == expected


def test_only_what_moves_features_embeds_again(sets, tmp_path):
    encoders = [open_encoder("raw-pixels")]
    measured(tmp_path, encoders, sets)

    def files(**changes):
        before = set(tmp_path.iterdir())
        measured(tmp_path, encoders, sets, SETTINGS.model_copy(update=changes))
        return len(set(tmp_path.iterdir()) - before)

    assert files(bootstrap=5, knn_k=2, class_column="other") == 0
    assert files(occluder="image") == 4  # occlusion at two severities of two sets
    assert files(seed=1) == 8  # not the untouched images
    assert files(severities=(2, 3, 4)) == 4


def test_one_encoder_under_two_names_is_embedded_once(sets, tmp_path):
    pixels = open_encoder("raw-pixels")
    systems, told = measured(tmp_path, [pixels, replace(pixels, name="again")], sets)
    assert told[-1] == (100, 100)
    assert systems[0]["sets"] == systems[1]["sets"] and systems[1]["name"] == "again"


def test_the_same_images_are_chosen_again(sets):
    data = sets["hill"]
    some = [chosen(data, FactorSettings(images=4, seed=seed)) for seed in (0, 0, 1, 2)]
    read = [[part.read(k) for k in range(4)] for part in some]
    assert read[0] == read[1] and read[0] != read[2] != read[3]
    rows = [[data.read(k) for k in range(10)].index(image) for image in read[0]]
    assert rows == sorted(set(rows)) and len(some[0].labels["class"]) == 4
    assert chosen(data, FactorSettings(images=10)) is data


@pytest.mark.parametrize(
    "wrong", [{"factors": ()}, {"severities": ()}, {"factors": ("crop", "crop")}]
)
def test_nothing_to_measure_is_told(wrong):
    with pytest.raises(VidclError, match="Ask for at least one severity and one factor"):
        FactorSettings(**wrong).check()


@pytest.mark.real_data
def test_photographs_of_many_sizes(real_data, tmp_path):
    settings = FactorSettings(images=40, severities=(1, 3, 5), bootstrap=0)
    photos = {"photos": chosen(open_labelled_set(real_data / "photos" / "caltech101"), settings)}
    encoders = [open_encoder("raw-pixels"), open_encoder("color-histogram")]
    pixels, colours, chance = (
        system["sets"]["photos"]["factor_curves"]
        for system in measured(tmp_path, encoders, photos, settings)[0]
    )
    for curves in (pixels, colours):
        for factor, curve in curves.items():
            values = [point[1] for point in curve["points"]]
            assert values[0] == pytest.approx(1) and max(values[1:]) < 1, factor
            assert curve["auc"] > chance[factor]["auc"] + 0.2
    # what each can and cannot bear
    assert pixels["blur"]["auc"] > 0.9 > 0.6 > pixels["rotation"]["auc"]
    assert colours["rotation"]["auc"] > 0.9 > 0.7 > colours["colour"]["auc"]
