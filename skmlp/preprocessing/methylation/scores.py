"""Scores of CpGs one by one: variance, and tests in linear models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, final

import numpy as np
from scipy.special import fdtrc, stdtr

from .covariates import basis

#: A column whose residuals are smaller than its values by this factor is constant.
_CONSTANT = 1e-12


class Score(ABC):
    """A score, with its p-value, of each column of a block.

    Both are NaN of columns that have too few values, and of constant ones in a test.
    """

    @abstractmethod
    def __call__(self, values: Any) -> tuple[Any, Any]:
        """Return scores and p-values, both (w,), of values (n, w) without gaps."""

    @abstractmethod
    def on(self, rows: Any) -> Score:
        """Return the same score on some of the rows."""

    def with_gaps(self, values: Any) -> tuple[Any, Any]:
        """Score values (n, w), and columns with gaps, one by one, on the rows they have."""
        gaps = np.isnan(values)
        incomplete = gaps.any(axis=0)
        if not incomplete.any():
            return self(values)
        scored = np.full((2, values.shape[1]), np.nan)
        if not incomplete.all():
            scored[:, ~incomplete] = self(values[:, ~incomplete])
        for j in np.flatnonzero(incomplete):
            rows = ~gaps[:, j]
            if rows.any():
                scored[:, [j]] = self.on(rows)(values[rows, j : j + 1])
        return scored[0], scored[1]


@final
class Variance(Score):
    """The variance that covariates do not explain, over n minus the rank of [1, covariates].

    Parameters
    ----------
    covariates : ndarray of shape (n, q)
        Numbers, q = 0 for the ordinary variance.
    """

    def __init__(self, covariates: Any) -> None:
        self.covariates = covariates
        self._nuisance = _nuisance(covariates)

    def __call__(self, values: Any) -> tuple[Any, Any]:
        """Return variances, and NaN for p-values."""
        df = len(values) - self._nuisance.shape[1]
        nothing = np.full(values.shape[1], np.nan)
        if df < 1:
            return nothing, nothing
        residuals, _ = _residuals(values, self._nuisance)
        return np.square(residuals).sum(axis=0) / df, nothing

    def on(self, rows: Any) -> Variance:
        """Return the variance of some of the rows."""
        return Variance(self.covariates[rows])


@final
class PartialTest(Score):
    r"""Whether the target's columns add to the covariates in a regression of the CpG.

    With Q₀ an orthonormal basis of [1, covariates], and Q₁ one of what the target's columns add
    to it, of ranks r₀ and m,

    .. math::

        r = (I - Q_0 Q_0^T) x, \qquad
        F = \frac{\lVert Q_1^T r \rVert^2 / m}
                 {(\lVert r \rVert^2 - \lVert Q_1^T r \rVert^2) / (n - r_0 - m)},

    which by the theorem of Frisch, Waugh and Lovell is the F of the full regression. For a target
    of one column the score is t = ± √F, with the sign of the slope. It is the same whether the
    CpG is regressed on the target or the target on the CpG.

    Parameters
    ----------
    target : ndarray of shape (n, n_target)
        Numbers, or 0 and 1 for classes.
    covariates : ndarray of shape (n, q)
        Numbers, q = 0 for none.

    Examples
    --------
    >>> y = np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> x = np.array([[1.0], [2.0], [4.0], [5.0]])
    >>> PartialTest(y, np.empty((4, 0)))(x)[0].round(3)
    array([4.243])
    """

    def __init__(self, target: Any, covariates: Any) -> None:
        self.target, self.covariates = target, covariates
        self._nuisance = _nuisance(covariates)
        added, length = _residuals(target, self._nuisance)
        added = added[:, np.linalg.norm(added, axis=0) > 1e-10 * length]
        self._added = basis(added)
        self.n_added = self._added.shape[1]
        self.df = len(target) - self._nuisance.shape[1] - self.n_added
        if target.shape[1] == 1 and self.n_added:
            self._added *= np.sign(self._added.T @ added)

    def __call__(self, values: Any) -> tuple[Any, Any]:
        """Return t or F, and two-sided p-values."""
        if not self.n_added or self.df < 1:
            return np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
        residuals, length = _residuals(values, self._nuisance)
        constant = np.linalg.norm(residuals, axis=0) <= _CONSTANT * length
        effect = self._added.T @ residuals  # (m, w)
        residuals -= self._added @ effect
        variance = np.square(residuals).sum(axis=0) / self.df
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.target.shape[1] == 1:
                score = effect[0] / np.sqrt(variance)
                p = 2 * stdtr(self.df, -np.abs(score))
            else:
                score = np.square(effect).sum(axis=0) / self.n_added / variance
                p = fdtrc(self.n_added, self.df, score)
        return np.where(constant, np.nan, score), np.where(constant, np.nan, p)

    def on(self, rows: Any) -> PartialTest:
        """Return the test on some of the rows."""
        return PartialTest(self.target[rows], self.covariates[rows])


@final
class Welch(Score):
    r"""Welch's t of two classes that may have different variances,

    .. math::

        t = \frac{\bar x_1 - \bar x_0}{\sqrt{v_0 + v_1}}, \quad v_c = \frac{s_c^2}{n_c}, \qquad
        \nu = \frac{(v_0 + v_1)^2}{v_0^2 / (n_0 - 1) + v_1^2 / (n_1 - 1)}.

    Parameters
    ----------
    second : ndarray of shape (n,), of bool
        Which rows are of the second class.
    """  # noqa: D400 -- the formula ends the sentence

    def __init__(self, second: Any) -> None:
        self.second = second

    def __call__(self, values: Any) -> tuple[Any, Any]:
        """Return t and two-sided p-values."""
        n1 = self.second.sum()
        n0 = len(values) - n1
        if min(n0, n1) < 2:
            return np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
        values = values.astype(float)
        length = np.linalg.norm(values, axis=0)
        values -= values.mean(axis=0)
        constant = np.linalg.norm(values, axis=0) <= _CONSTANT * length
        x0, x1 = values[~self.second], values[self.second]
        v0, v1 = x0.var(axis=0, ddof=1) / n0, x1.var(axis=0, ddof=1) / n1
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (x1.mean(axis=0) - x0.mean(axis=0)) / np.sqrt(v0 + v1)
            df = np.square(v0 + v1) / (np.square(v0) / (n0 - 1) + np.square(v1) / (n1 - 1))
            p = 2 * stdtr(df, -np.abs(t))
        return np.where(constant, np.nan, t), np.where(constant, np.nan, p)

    def on(self, rows: Any) -> Welch:
        """Return the test on some of the rows."""
        return Welch(self.second[rows])


def _nuisance(covariates: Any) -> Any:
    return basis(np.column_stack([np.ones(len(covariates)), covariates]))


def _residuals(values: Any, nuisance: Any) -> tuple[Any, Any]:
    """Return a new array of residuals (n, w), and the lengths (w,) that the columns had."""
    values = values.astype(float)
    length = np.linalg.norm(values, axis=0)
    values -= values.mean(axis=0)  # first, for the sake of columns far from 0
    values -= nuisance @ (nuisance.T @ values)
    return values, length
