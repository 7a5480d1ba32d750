"""InfoMin against the loss of its code (PyContrast), written out image by image in float64."""

import copy

import pytest
import torch
from torch import nn

from tests.methods.both import Both
from vidcl.errors import VidclError
from vidcl.methods.infomin import InfoMin
from vidcl.methods.inv_clr import InvCLR
from vidcl.methods.moco import MoCo
from vidcl.methods.wanted import Key, ViewBatch
from vidcl.views.jigsaw import JigsawConfig

N, DIM, K, M, T, J, PATCH = 4, 5, 8, 0.9, 0.15, 4, 3


class Net(nn.Module):
    """A tower for "images" [N, 6] and "patches" [N, J, 3]: the backbone pads a patch."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(6, 7), nn.Tanh())
        self.head = nn.Linear(7, DIM)
        self.patch, self.image = nn.Linear(7, DIM), nn.Linear(J * DIM, DIM)

    def of_patches(self, patches):
        """One image's, [J, 3] -> [DIM]."""
        padded = torch.cat([patches, patches.new_zeros(J, 6 - PATCH)], 1)
        return self.image(torch.cat([self.patch(self.backbone(one[None]))[0] for one in padded]))

    def forward(self, x, patches=None):
        features = self.backbone(x)
        if patches is None:
            return features, self.head(features)
        pieces = torch.stack([self.of_patches(each) for each in patches])
        return features, self.head(features), pieces


def unit(z):
    return z / z.norm()


def draw(generator):
    x_q, x_k = (torch.randn(N, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    patches = torch.randn(N, J, PATCH, generator=generator, dtype=torch.float64)
    tracks = torch.randint(0, 4, (N,), generator=generator)
    return ViewBatch((x_q, x_k), tracks, torch.zeros(N), patches=patches)


def info_nce(q, k, track, queue):
    positive = torch.exp(torch.dot(q, k) / T)
    below = positive
    for entry, of in queue:
        if of != track:
            below = below + torch.exp(torch.dot(q, entry) / T)
    return -torch.log(positive / below)


def reference(f_q, f_k, batch, queue, beta):
    """The loss, that of the image alone, and the keys."""
    total = image = 0.0
    keys = []
    for n in range(N):
        with torch.no_grad():
            keys.append(unit(f_k.head(f_k.backbone(batch.views[1][n : n + 1]))[0]))
        track = int(batch.tracks[n])
        one = info_nce(unit(f_q(batch.views[0][n : n + 1])[1][0]), keys[n], track, queue)
        two = info_nce(unit(f_q.of_patches(batch.patches[n])), keys[n], track, queue)
        total = total + ((1 - beta) * one + beta * two) / N
        image = image + one / N
    return total, image, keys


@pytest.mark.parametrize("beta", [0.5, 0.2, 1.0])
def test_infomin_is_its_formula(beta):
    torch.manual_seed(0)
    net = Net().double()
    method = InfoMin(copy.deepcopy(net), DIM, beta=beta, K=K, m=M, T=T).double()
    f_q, f_k = copy.deepcopy(net), copy.deepcopy(net)
    mine = torch.optim.SGD(method.encoder_q.parameters(), lr=0.1)
    theirs = torch.optim.SGD(f_q.parameters(), lr=0.1)
    queue: list = []
    generator = torch.Generator().manual_seed(1)
    for step in range(5):  # the queue wraps in the third
        batch = draw(generator)
        method.begin_step()
        outcome = method(batch)
        mine.zero_grad()
        outcome.loss.backward()
        mine.step()
        method.end_step(outcome, batch.tracks)

        with torch.no_grad():
            for a, b in zip(f_k.parameters(), f_q.parameters(), strict=True):
                a.copy_(M * a + (1 - M) * b)
        loss, image, keys = reference(f_q, f_k, batch, queue, beta)
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        queue = (queue + list(zip(keys, batch.tracks.tolist(), strict=True)))[-K:]
        assert float(outcome.loss.detach()) == pytest.approx(float(loss.detach()), abs=1e-9), step
        assert float(outcome.nce) == pytest.approx(float(image.detach()), abs=1e-9)
        logged = method.state_to_log()["jigsaw_loss"] * beta + (1 - beta) * float(outcome.nce)
        assert logged == pytest.approx(float(loss.detach()), abs=1e-9)
        for a, b in zip(method.encoder_q.parameters(), f_q.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=1e-9, rtol=0)
    assert float(loss.detach()) > 0.1


def test_without_beta_it_is_moco_and_asks_for_no_patches():
    torch.manual_seed(0)
    net = Net().double()
    mine = InfoMin(copy.deepcopy(net), DIM, beta=0.0, K=K, m=M, T=T).double()
    moco = MoCo(copy.deepcopy(net), DIM, K=K, m=M, T=T).double()
    assert mine.wanted == moco.wanted and mine.forwards == moco.forwards
    assert "jigsaw_loss" not in mine.state_to_log()
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        batch = draw(generator)
        losses = []
        for method in (mine, moco):
            method.begin_step()
            outcome = method(ViewBatch(batch.views, batch.tracks))
            method.end_step(outcome, batch.tracks)
            losses.append(outcome.loss.detach())
        assert torch.equal(*losses)


def test_it_asks_for_patches_and_needs_them():
    jigsaw = JigsawConfig(grid=2)
    method = InfoMin(Net(), DIM, jigsaw=jigsaw, view=224, K=K, m=M, T=T)
    assert method.wanted.keys == (Key(),) and method.wanted.jigsaw == jigsaw
    assert method.forwards == pytest.approx(4 + 3 * 4 * jigsaw.sides(224)[2] ** 2 / 224**2)
    with pytest.raises(VidclError, match=r"method\.beta to 0"):
        method(ViewBatch((torch.randn(N, 6), torch.randn(N, 6)), torch.arange(N)))


def test_the_momentum_encoder_sees_no_patches():
    method = InfoMin(Net().double(), DIM, K=K, m=M, T=T).double()
    shapes = []
    method.encoder_k.register_forward_pre_hook(
        lambda _, inputs: shapes.append([tuple(each.shape) for each in inputs])
    )
    method(draw(torch.Generator().manual_seed(0))).loss.backward()
    assert shapes == [[(N, 6)]]
    assert all(p.grad is None for p in method.encoder_k.parameters())
    assert all(p.grad is not None for p in method.encoder_q.parameters())


def test_a_batch_in_parts_is_the_batch():
    torch.manual_seed(0)
    whole = InfoMin(Net().double(), DIM, K=K, m=M, T=T).double()
    parted = copy.deepcopy(whole)
    assert parted.can_accumulate
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        batch = draw(generator)
        for method, parts in ((whole, 1), (parted, 2)):
            optimizer = torch.optim.SGD(method.encoder_q.parameters(), lr=0.1)
            method.begin_step()
            outcomes = []
            for part in batch.chunk(parts):
                outcomes.append(method(part))
                (outcomes[-1].loss / parts).backward()
            optimizer.step()
            k = torch.cat([outcome.k for outcome in outcomes])
            method.queue.push(k, batch.tracks)
    for a, b in zip(whole.state_dict().values(), parted.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=0)


def test_invclr_goes_around_it():
    torch.manual_seed(0)
    inner = InfoMin(Both(nn.Linear(6, DIM)), DIM, beta=0.0, K=K, m=M, T=T)
    patched = InfoMin(Net(), DIM, K=K, m=M, T=T)
    for method in (inner, patched):
        batch = draw(torch.Generator().manual_seed(1))
        x_q, x_k = (view.float() for view in batch.views)
        plain = method(ViewBatch((x_q, x_k), batch.tracks, patches=batch.patches.float()))
        around = InvCLR(method, ("color",), weight=0.5, clip=4.0, by="change")
        assert around.wanted.jigsaw == method.wanted.jigsaw
        views = (x_q, x_k, x_q + 1)
        outcome = around(ViewBatch(views, batch.tracks, patches=batch.patches.float()))
        added = float(outcome.loss.detach()) - float(plain.loss.detach())
        assert added == pytest.approx(0.5 * around.state_to_log()["penalty"], abs=1e-5)
        assert added > 0
