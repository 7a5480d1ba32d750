"""BatchNorm with the statistics of all processes."""

import importlib.util

from torch import nn


def share_batch_norm(network: nn.Module) -> nn.Module:
    """Replace every BatchNorm inside ``network`` by PyTorch's SyncBatchNorm, in place.

    timm has layers that join BatchNorm and activation; its own conversion keeps both.
    """
    if importlib.util.find_spec("timm"):
        from timm.layers import convert_sync_batchnorm

        return convert_sync_batchnorm(network)
    return nn.SyncBatchNorm.convert_sync_batchnorm(network)
