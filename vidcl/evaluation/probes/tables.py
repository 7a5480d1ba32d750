"""Embedding tables as the probes see them: features, instances, labels, a split."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vidcl.errors import VidclError
from vidcl.evaluation.probes.config import ProbeConfig
from vidcl.evaluation.probes.splits import held_out
from vidcl.evaluation.table import table_column, table_features

#: Values of a column ``split`` on either side.
TRAINING, TEST = ("train", "trainval", "val"), ("test",)


@dataclass(frozen=True)
class Rows:
    """Features float32 [N, D], instances [N], and the table's label columns."""

    features: np.ndarray
    groups: np.ndarray
    table: pa.Table

    def column(self, name: str) -> np.ndarray:
        """A label column [N], none of it empty or NaN.

        Raises:
            VidclError: there is none of this name, or values are missing.
        """
        values = table_column(self.table, name)
        empty = self.table[name].null_count
        if values.dtype.kind == "f":
            empty += int(np.isnan(values).sum())
        if empty:
            raise VidclError(
                f"The label column '{name}' has {empty} empty values: fill them or drop the rows."
            )
        return values


def rows_of(table: pa.Table, config: ProbeConfig) -> Rows:
    """A table's rows; every row is an instance where the table does not say."""
    features = table_features(table)
    if not np.isfinite(features).all():
        raise VidclError("The features hold NaN or infinity: look at the encoder that made them.")
    if len(features) == 0:
        raise VidclError("The embedding table has no rows: embed some images.")
    rows = Rows(features, np.arange(len(table)), table)
    if not has_instances(table, config):
        return rows
    return Rows(features, rows.column(config.instance_column), table)


def has_instances(table: pa.Table, config: ProbeConfig) -> bool:
    """Whether views of one thing are known to be so."""
    column = config.instance_column
    return column in table.column_names and column != config.class_column


def split_table(table: pa.Table, config: ProbeConfig) -> tuple[pa.Table, pa.Table, str]:
    """Training rows, test rows, and in words how one table was cut in two.

    A column ``split`` with training and test rows decides; else a share of every class's instances
    is held out, drawn by the seed.

    Raises:
        VidclError: no class has two instances.
    """
    if "split" in table.column_names:
        words = table_column(table, "split").astype(str)
        train, test = np.isin(words, TRAINING), np.isin(words, TEST)
        if train.any() and test.any():
            return _where(table, train), _where(table, test), "by the column 'split'"
    rows = rows_of(table, config)
    by_class = config.class_column in table.column_names
    labels = rows.column(config.class_column) if by_class else np.zeros(len(table))
    test = held_out(labels, rows.groups, config.test_share, np.random.default_rng(config.seed))
    unit = "instance" if has_instances(table, config) else "image"
    how = f"by {unit}: {config.test_share:g} of every class for the test, seed {config.seed}"
    return _where(table, ~test), _where(table, test), how


def shared_instances(train: pa.Table, test: pa.Table, config: ProbeConfig) -> int:
    """How many instances have views in both tables."""
    if not (has_instances(train, config) and has_instances(test, config)):
        return 0
    name = config.instance_column
    return len(np.intersect1d(table_column(train, name), table_column(test, name)))


def target_columns(rows: Rows, prefix: str, class_column: str) -> tuple[list[str], np.ndarray]:
    """Names of classes and their targets int [N, C] in -1, 0, 1.

    Raises:
        VidclError: there are neither columns of that prefix nor a class column.
    """
    names = [name for name in rows.table.column_names if name.startswith(prefix)]
    if names:
        targets = np.stack([rows.column(name) for name in names], axis=1)
        return [name[len(prefix) :] for name in names], targets
    labels = rows.column(class_column)
    classes = np.unique(labels)
    targets = np.where(labels[:, None] == classes, 1, -1)
    return [str(name) for name in classes], targets


def numeric_columns(train: Rows, test: Rows, config: ProbeConfig) -> list[str]:
    """Columns to regress on: those asked for, else all numbers that vary on both sides.

    Raises:
        VidclError: there are none.
    """
    if config.regression_columns:
        return list(config.regression_columns)
    taken = {config.class_column, config.instance_column, "set", "split", "feature"}
    names = [
        name
        for name in train.table.column_names
        if name not in taken
        and not name.startswith(config.target_prefix)
        and name in test.table.column_names
        and all(_is_number(rows.table.schema.field(name).type) for rows in (train, test))
        and all(len(np.unique(rows.column(name))) > 1 for rows in (train, test))
    ]
    if not names:
        raise VidclError(
            "Neither table has a numeric label column that varies: name one with "
            "--regression-columns."
        )
    return names


def _is_number(kind: pa.DataType) -> bool:
    checks: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_integer,
        pa.types.is_floating,
    )
    return any(check(kind) for check in checks)


def _where(table: pa.Table, rows: np.ndarray) -> pa.Table:
    return table.filter(pa.array(rows))
