"""The memory bank: where it begins, what is drawn from it, how it moves."""

import torch
import torch.nn.functional as F

from vidcl.models.memory_bank import MemoryBank


def test_it_begins_with_directions_of_its_seed():
    one, two, other = MemoryBank(50, 8), MemoryBank(50, 8), MemoryBank(50, 8, seed=1)
    torch.testing.assert_close(one.entries.norm(dim=1), torch.ones(50))
    assert torch.equal(one.entries, two.entries) and not torch.equal(one.entries, other.entries)
    assert one.fill() == 0 and one.entries.mean(0).abs().max() < 0.3


def test_draws_are_even_and_of_what_was_seen():
    bank = MemoryBank(40, 4)
    bank.seen[5:25] = True
    generator = torch.Generator().manual_seed(0)
    counts = torch.zeros(40)
    for _ in range(2000):
        drawn = bank.draw(8, generator)
        assert len(drawn.unique()) == 8
        counts[drawn] += 1
    assert not counts[:5].any() and not counts[25:].any()
    assert (counts[5:25] / 2000 - 8 / 20).abs().max() < 0.05
    # what was not seen fills up, and is no negative
    drawn = bank.draw(30, generator)
    assert len(drawn) == 30 and int(bank.seen[drawn].sum()) == 20
    assert torch.equal(bank.draw(40, generator), torch.arange(40))
    assert torch.equal(bank.draw(99), torch.arange(40))


def test_neither_the_own_entry_nor_one_that_was_not_seen_is_a_negative():
    bank = MemoryBank(6, 4)
    bank.seen[[1, 2, 4]] = True
    usable = bank.usable(torch.tensor([0, 1, 2, 4]), torch.tensor([1, 3]))
    assert usable.tolist() == [[False, False, True, True], [False, True, True, True]]


def test_an_entry_moves_by_the_mean_of_what_is_seen_of_its_track():
    bank = MemoryBank(6, 4, m=0.25)
    before = bank.entries.clone()
    seen = F.normalize(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    bank.update(seen, torch.tensor([2, 0, 2, 5]))
    for track, x in ((2, (seen[0] + seen[2]) / 2), (0, seen[1]), (5, seen[3])):
        want = 0.25 * before[track] + 0.75 * x
        torch.testing.assert_close(bank.entries[track], want / want.norm())
    still = [1, 3, 4]
    assert torch.equal(bank.entries[still], before[still])
    assert bank.seen.tolist() == [True, False, True, False, False, True]


def test_the_order_of_a_batch_does_not_matter():
    seen = F.normalize(torch.randn(5, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    tracks = torch.tensor([1, 3, 1, 1, 0])
    banks = []
    for order in ([0, 1, 2, 3, 4], [4, 2, 3, 0, 1]):
        bank = MemoryBank(4, 4)
        bank.update(seen[order], tracks[order])
        banks.append(bank.entries)
    torch.testing.assert_close(*banks)


def test_its_state_is_saved():
    bank, again = MemoryBank(4, 4), MemoryBank(4, 4, seed=3)
    bank.update(torch.eye(4)[:2], torch.tensor([3, 1]))
    again.load_state_dict(bank.state_dict())
    assert torch.equal(again.entries, bank.entries) and torch.equal(again.seen, bank.seen)
