"""Networks with settings of their own, and the choice of those that predict best together."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmlp.core.callbacks import mean_loss
from skmlp.core.losses import Loss

#: Learning rates and weight decays are drawn log-uniformly within these factors of those given.
_RATE, _DECAY = 3.0, 10.0
#: Half of the networks have no dropout, the others uniformly up to this, or twice that given.
_DROPOUT = 0.3
#: A choice ends where another network would not make the loss smaller by this share.
_GAIN = 1e-4


def drawn(now: Any, rng: Any) -> dict[str, Any]:
    """Return a learning rate, a dropout rate and a weight decay for each network of a stack.

    ``now`` are the resolved parameters; the first network has just these.
    """
    k = now.stack
    apart = rng.uniform(-1, 1, size=(2, k))
    dropout = rng.uniform(0, max(_DROPOUT, 2 * now.dropout), size=k) * (rng.uniform(size=k) < 0.5)
    apart[:, 0], dropout[0] = 0, now.dropout
    settings = {
        "learning_rate_init": now.learning_rate_init * _RATE ** apart[0],
        "dropout": np.minimum(dropout, 0.9),
    }
    if now.weight_decay:
        settings["weight_decay"] = now.weight_decay * _DECAY ** apart[1]
    return settings


def chosen(loss: Loss, raw: Any, y: Any, w: Any) -> list[int]:
    """Choose networks, some of them several times, whose average has the smallest loss.

    Greedily, beginning with the best: the next is the one with which the average is best, until
    none makes it better, or as many are chosen as there are.

    Parameters
    ----------
    loss : Loss
        Without penalty.
    raw : ndarray of shape (K, n, m)
        Raw outputs for rows that none was trained on.
    y : ndarray of shape (n, t)
        Their targets.
    w : ndarray of shape (n,) or None
        Their weights.

    Returns
    -------
    list of int
        Numbers of networks, in their order.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew & Ksikes (2004), "Ensemble selection from libraries of models",
    ICML, section 2.1 (with replacement).
    """
    picked: list[int] = []
    best = np.inf
    while len(picked) < len(raw):
        losses = [
            float(mean_loss(loss, loss.average(raw[[*picked, k]]), y, w)[0])
            for k in range(len(raw))
        ]
        k = int(np.nanargmin(losses)) if np.isfinite(losses).any() else 0
        if picked and not losses[k] < best - _GAIN * abs(best):
            break
        best = losses[k]
        picked.append(k)
    return sorted(picked)
