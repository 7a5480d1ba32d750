import torch
from torch import nn

from vidcl.models.backbones import build_backbone
from vidcl.models.shared_bn import share_batch_norm


def test_every_batch_norm_is_shared_and_activations_stay():
    for name in ("resnet18", "timm:regnetx_002"):
        network, _ = build_backbone(name, size=64)
        network.eval()
        x = torch.randn(2, 3, 64, 64)
        before = network(x)
        norms = sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())
        shared = share_batch_norm(network)
        assert norms == sum(isinstance(m, nn.SyncBatchNorm) for m in shared.modules())
        torch.testing.assert_close(shared(x), before)
