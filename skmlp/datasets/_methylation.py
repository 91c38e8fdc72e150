"""Draw a cohort of smokers and the DNA methylation of their blood."""

from numbers import Integral, Real

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.utils import Bunch, check_random_state

from ._smoking_cpgs import COLUMNS, SMOKING_CPGS, SOURCES

STATUS = ("never", "former", "current")
CELLS = ("CD8T", "CD4T", "NK", "Bcell", "Mono", "Gran")

# All that follows is assumed, not published.
CELL_MEANS = np.array([0.10, 0.17, 0.06, 0.05, 0.07, 0.55])
CELL_SMOKING = np.array([-0.004, -0.003, -0.010, -0.003, 0.0, 0.020])  # current smokers' shift
CELL_PRECISION = 60.0  # of the Dirichlet: granulocytes vary by 6 points between people
MYELOID = np.array([-1.0, -1.0, -1.0, -1.0, 1.0, 1.0])  # the axis most probes follow

START_AGE, MAX_AGE = 17.0, 85.0
NEVER_AGE = (50.0, 13.0)  # normal: mean, standard deviation
YEARS_SMOKED = {"former": (15.0, 0.6), "current": (27.0, 0.4)}  # lognormal: median, sigma
PACKS_A_DAY = {"former": (0.7, 0.5), "current": (0.75, 0.4)}
YEARS_QUIT = (1.5, 9.0)  # gamma: shape, scale
DOSE_POWER = 0.45  # the response bends as the pack-years grow
PERSON_SIGMA, GENE_SIGMA = 0.4, 0.15  # lognormal spread of the response

# Shares of the variance on the logit scale; the rest is noise of the single measurement.
SMOKING_SHARES = {"cell": 0.08, "age": 0.03, "sex": 0.02, "batch": 0.08, "gene": 0.40}
NULL_KINDS = {"plain": 0.25, "cell": 0.40, "batch": 0.15, "age": 0.12, "sex": 0.08}
NULL_SHARE = (0.30, 0.80)  # range of the share that a null probe's cause has

BLOCK = 2048  # null probes drawn at a time, which bounds the memory beside the result

DESCR = """\
A drawn cohort: smoking and DNA methylation in blood

Published: names, genes, effects of current and former smoking and the typical level of each
CpG in `cpgs` of kind "smoking" (Joehanes 2016; levels from Tsaprouni 2014).
Assumed: everything about the people, the shape of the dose response and of its decay after
quitting, all noise, and every probe named "sim...". No real person's data is in here.
"""


def _check(n_samples, n_null, status_shares, n_batches, effect_size):
    for name, value, least in (
        ("n_samples", n_samples, 10),
        ("n_null", n_null, 0),
        ("n_batches", n_batches, 1),
    ):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ValueError(f"Got {name}={value!r}, but expected an integer of at least {least}.")
    numbers = not isinstance(status_shares, str) and len(status_shares) == 3
    if not numbers or min(status_shares) < 0 or not np.isclose(sum(status_shares), 1):
        raise ValueError(
            f"Got status_shares={status_shares!r}, but expected the shares of never, former and "
            "current smokers: three numbers of at least 0 that sum to 1."
        )
    if not isinstance(effect_size, Real) or not 0 <= effect_size < np.inf:
        raise ValueError(
            f"Got effect_size={effect_size!r}, but expected a finite number of at least 0 "
            "(1 for the published effects)."
        )


def _draw_people(rng, n_samples, status_shares, n_batches):
    """Draw the sample sheet."""
    counts = np.diff(np.rint(np.cumsum([0, *status_shares]) * n_samples).astype(int))
    status = rng.permutation(np.repeat(STATUS, counts))
    current, former = status == "current", status == "former"

    quit_years = np.where(former, np.minimum(rng.gamma(*YEARS_QUIT, n_samples), 50.0), 0.0)
    years, packs = np.zeros(n_samples), np.zeros(n_samples)
    for name, rows in (("former", former), ("current", current)):
        years[rows] = _lognormal(rng, YEARS_SMOKED[name], rows.sum())
        packs[rows] = _lognormal(rng, PACKS_A_DAY[name], rows.sum())
    years = np.minimum(years, MAX_AGE - START_AGE - quit_years)
    age = np.clip(rng.normal(*NEVER_AGE, n_samples), 20.0, MAX_AGE)
    age = np.where(current | former, START_AGE + years + quit_years, age)

    sheet = pd.DataFrame(
        {
            "age": age.round().astype(int),
            "sex": pd.Categorical.from_codes(rng.integers(2, size=n_samples), ["female", "male"]),
            "smoking": pd.Categorical(status, STATUS, ordered=True),
            "pack_years": (years * packs).round(1),
            "years_since_quitting": np.where(status == "never", np.nan, quit_years.round(1)),
            "batch": pd.Categorical.from_codes(
                rng.integers(n_batches, size=n_samples),
                [f"batch{i + 1}" for i in range(n_batches)],
            ),
        },
        index=pd.Index([f"P{i + 1:05d}" for i in range(n_samples)], name="sample"),
    )
    sheet[list(CELLS)] = _draw_cells(rng, current)
    return sheet


def _lognormal(rng, law, size):
    """Draw from the lognormal law (median, sigma)."""
    median, sigma = law
    return median * np.exp(sigma * rng.standard_normal(size))


def _draw_cells(rng, current):
    """Draw Dirichlet fractions of the blood cells."""
    means = CELL_MEANS + np.outer(current, CELL_SMOKING)  # (n, 6)
    draws = rng.standard_gamma(CELL_PRECISION * means)
    return draws / draws.sum(axis=1, keepdims=True)


def _known_cpgs():
    """Lay out the published table, with the half-lives that it implies."""
    table = pd.DataFrame(SMOKING_CPGS, columns=COLUMNS).set_index("cpg")
    also_in = ["; ".join(SOURCES[key] for key in keys) for keys in table.pop("also_in")]
    table.insert(0, "kind", "smoking")
    return table.assign(half_life=_half_life(table), citation=SOURCES["J"], also_in=also_in)


def _mean_dose(status):
    """Give the mean of pack_years**DOSE_POWER: pack-years are lognormal within a status."""
    (years, s), (packs, t) = YEARS_SMOKED[status], PACKS_A_DAY[status]
    return (years * packs) ** DOSE_POWER * np.exp(DOSE_POWER**2 * (s**2 + t**2) / 2)


def _half_life(table):
    """Solve E[2**(-t/h)] E[former dose] / E[current dose] = former / current for h, in years.

    For t from a gamma law, E[2**(-t/h)] = (1 + scale ln(2) / h)**-shape.
    """
    shape, scale = YEARS_QUIT
    kept = (table["former"] / table["current"]) * _mean_dose("current") / _mean_dose("former")
    return (np.log(2) * scale / (kept ** (-1 / shape) - 1)).round(1)


def _draw_null_probes(rng, n_null):
    """Draw level, spread and kind of the probes that smoking leaves alone."""
    form = rng.choice(3, n_null, p=[0.45, 0.45, 0.10])  # unmethylated, methylated, between
    centre, width = logit([0.10, 0.85, 0.50])[form], np.array([0.5, 0.45, 0.7])[form]
    mean = expit(centre + width * rng.standard_normal(n_null))
    spread = _lognormal(rng, (0.2, 0.3), n_null)  # on the logit scale
    return pd.DataFrame(
        {
            "kind": rng.choice(list(NULL_KINDS), n_null, p=list(NULL_KINDS.values())),
            "mean_beta": mean,
            "sd_beta": spread * mean * (1 - mean),
            "cause_share": rng.uniform(*NULL_SHARE, n_null),
        },
        index=pd.Index([f"sim{i + 1:06d}" for i in range(n_null)], name="cpg"),
    )


def _causes(sheet):
    """Give what moves methylation beside smoking, by name: centred columns for each person."""
    age, male = sheet["age"].to_numpy(), sheet["sex"].cat.codes.to_numpy()
    batches = np.eye(len(sheet["batch"].cat.categories), dtype=np.float32)
    return {
        "cell": (sheet[list(CELLS)].to_numpy() - CELL_MEANS).astype(np.float32),  # (n, 6)
        "age": ((age - NEVER_AGE[0]) / NEVER_AGE[1]).astype(np.float32)[:, None],
        "sex": (2 * male - 1).astype(np.float32)[:, None],
        "batch": batches[sheet["batch"].cat.codes],  # (n, n_batches)
    }


def _loading(rng, name, n_columns, n_probes):
    """Draw how far each column of a cause moves each probe, for unit variance."""
    if name == "cell":
        axis = MYELOID[:, None] + 0.7 * rng.standard_normal((n_columns, n_probes))
        covariance = (np.diag(CELL_MEANS) - np.outer(CELL_MEANS, CELL_MEANS)) / CELL_PRECISION
        axis /= np.sqrt((axis * (covariance @ axis)).sum(axis=0))
        return axis * rng.choice([-1.0, 1.0], n_probes)
    if name == "batch":
        return rng.standard_normal((n_columns, n_probes))
    return rng.choice([-1.0, 1.0], (n_columns, n_probes))


def _fluctuate(rng, causes, shares):
    """Draw e of mean 0 and variance 1, each cause with its share (p,) of the variance."""
    n_samples, n_probes = len(causes["age"]), len(shares["age"])
    e = rng.standard_normal((n_samples, n_probes), dtype=np.float32)
    e *= np.sqrt(1 - sum(shares.values())).astype(np.float32)
    loadings = [
        _loading(rng, name, cause.shape[1], n_probes) * np.sqrt(shares[name])
        for name, cause in causes.items()
    ]
    e += np.hstack(list(causes.values())) @ np.vstack(loadings).astype(np.float32)
    return e  # (n, p)


def _to_beta(e, quality, mean, spread):
    """Turn e, in place, into beta values around mean with the given spread of their logits."""
    e *= quality[:, None]
    e *= spread.astype(np.float32)
    e += logit(mean).astype(np.float32)
    return np.clip(expit(e, out=e), 0.001, 0.999, out=e)


def _respond(rng, sheet, cpgs):
    """Draw each person's response to smoking, in units of the mean current smoker's."""
    genes, gene = np.unique(cpgs["gene"], return_inverse=True)
    n_samples = len(sheet)
    person = np.exp(PERSON_SIGMA * rng.standard_normal((n_samples, 1)) - PERSON_SIGMA**2 / 2)
    by_gene = np.exp(GENE_SIGMA * rng.standard_normal((n_samples, len(genes))) - GENE_SIGMA**2 / 2)
    dose = sheet["pack_years"].to_numpy() ** DOSE_POWER / _mean_dose("current")
    quit_years = sheet["years_since_quitting"].fillna(0).to_numpy()
    kept = 0.5 ** (quit_years[:, None] / cpgs["half_life"].to_numpy())
    return dose[:, None] * person * by_gene[:, gene] * kept  # (n, p)


def _draw_known(rng, cpgs, sheet, causes, quality, effect_size):
    """Draw the beta values of the CpGs that smoking moves."""
    mean, gene = cpgs["mean_beta"].to_numpy(), pd.factorize(cpgs["gene"])[0]
    level = mean + effect_size * cpgs["current"].to_numpy() * _respond(rng, sheet, cpgs)
    spread = cpgs["sd_beta"].to_numpy() / (mean * (1 - mean))
    shares = {name: np.full(len(cpgs), share) for name, share in SMOKING_SHARES.items()}
    by_gene = rng.standard_normal((len(sheet), gene.max() + 1), dtype=np.float32)
    own = shares.pop("gene")
    e = np.sqrt(1 - own).astype(np.float32) * _fluctuate(
        rng, causes, {name: share / (1 - own) for name, share in shares.items()}
    )
    e += np.sqrt(own).astype(np.float32) * by_gene[:, gene]
    return _to_beta(e, quality, np.clip(level, 0.02, 0.98), spread)


def _draw_null(rng, cpgs, causes, quality):
    """Draw the beta values of a block of null probes."""
    mean, kind = cpgs["mean_beta"].to_numpy(), cpgs["kind"].to_numpy()
    spread = cpgs["sd_beta"].to_numpy() / (mean * (1 - mean))
    shares = {name: np.where(kind == name, cpgs["cause_share"], 0.0) for name in causes}
    return _to_beta(_fluctuate(rng, causes, shares), quality, mean, spread)


def make_methylation(
    n_samples=500,
    n_null=2000,
    *,
    status_shares=(0.40, 0.35, 0.25),
    n_batches=4,
    effect_size=1.0,
    return_X_y=False,
    random_state=None,
):
    r"""Draw a cohort of smokers with the methylation of their blood.

    The beta value of person :math:`i` at CpG :math:`j` is

    .. math::

        \beta_{ij} = \mathrm{expit}\bigl(\mathrm{logit}(\mu_j + b_j\, r_{ij}\, 2^{-t_i / h_j})
        + \sigma_j\, q_i\, e_{ij}\bigr)

    with the typical level :math:`\mu_j`, the published shift :math:`b_j` of current smokers,
    the person's response :math:`r_{ij}` to their pack-years (mean 1 among current smokers),
    the years :math:`t_i` since quitting, a half-life :math:`h_j`, the probe's spread
    :math:`\sigma_j`, the sample's quality :math:`q_i`, and :math:`e_{ij}` of mean 0 and
    variance 1, which sums blood cells, age, sex, batch, the gene's own fluctuation and noise.

    Parameters
    ----------
    n_samples : int, default=500
        Number of people, 10 at least.
    n_null : int, default=2000
        Number of probes that smoking does not touch, beside those of the table.
    status_shares : tuple of 3 floats, default=(0.40, 0.35, 0.25)
        Shares of never, former and current smokers; they sum to 1. Numbers of people are
        rounded, not drawn.
    n_batches : int, default=4
        Number of laboratory batches, which people fall into by chance.
    effect_size : float, default=1.0
        Factor on all effects of smoking on methylation; 0 draws a negative control.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    random_state : int, RandomState instance or None, default=None
        An int gives the same cohort at each call. The people and the CpGs of the table
        do not depend on `n_null`.

    Returns
    -------
    cohort : :class:`~sklearn.utils.Bunch`
        - ``data``: DataFrame of float32, (n_samples, 65 + n_null), beta values in (0, 1).
        - ``target``: Series, the smoking status, an ordered categorical.
        - ``sheet``: DataFrame, one row a person: age (years), sex, smoking, pack_years,
          years_since_quitting (0 for current smokers, missing for never smokers), batch,
          and the fractions of six kinds of blood cells, which sum to 1.
        - ``cpgs``: DataFrame, one row a column of ``data``: kind ("smoking", or what moves a
          null probe: "plain" for nothing, "cell", "batch", "age", "sex"), gene, mean_beta,
          sd_beta, current and former (shift in beta against never smokers), half_life
          (years), citation (where the shifts are from), also_in (other lists that name it),
          cause_share (share of a null probe's variance that is not noise, "plain" aside).
        - ``DESCR``: str, what is published and what is assumed.

    Notes
    -----
    *Published*: identifiers, genes, and the mean shifts of current and former smokers for 65
    CpGs, from the meta-analysis of 15,907 people in [1]_; their typical mean and standard
    deviation among never smokers, rounded, from [2]_. For cg05575921 (AHRR) the shifts are
    -0.180 and -0.041.

    *Assumed*: distributions of age, dose and time since quitting; a response that grows as a
    power of the pack-years, bent as AHRR's is [3]_, and differs between people and genes;
    exponential decay after quitting, with each half-life set so that former smokers show the
    published shift on average; granulocytes 2 points higher in current smokers; all shares of
    variance; all null probes, bimodal around 0.1 and 0.85. The shifts hold at equal blood
    cells, and whatever the `status_shares`: they are means within a status.

    References
    ----------
    .. [1] Joehanes et al. (2016). Epigenetic signatures of cigarette smoking. Circulation:
       Cardiovascular Genetics 9, 436-447.
    .. [2] Tsaprouni et al. (2014). Cigarette smoking reduces DNA methylation levels at multiple
       genomic loci but the effect is partially reversible upon cessation. Epigenetics 9,
       1382-1396. GEO: GSE50660.
    .. [3] Dawes et al. (2021). The relationship of smoking to cg05575921 methylation in blood
       and saliva DNA samples from several studies. Scientific Reports 11, 21627.

    Examples
    --------
    >>> from skmlp.datasets import make_methylation
    >>> cohort = make_methylation(n_samples=200, n_null=100, random_state=0)
    >>> cohort.data.shape
    (200, 165)
    >>> cohort.sheet["smoking"].value_counts(sort=False).to_dict()
    {'never': 80, 'former': 70, 'current': 50}
    >>> print(cohort.cpgs.loc["cg05575921", ["gene", "current", "former"]].to_string())
    gene        AHRR
    current    -0.18
    former    -0.041
    >>> means = cohort.data["cg05575921"].groupby(cohort.target, observed=True).mean()
    >>> bool(means["current"] < means["former"] < means["never"])
    True
    """
    _check(n_samples, n_null, status_shares, n_batches, effect_size)
    seeds = check_random_state(random_state).randint(2**31 - 1, size=4)
    person_rng, smoking_rng, probe_rng, noise_rng = map(np.random.default_rng, seeds)

    sheet = _draw_people(person_rng, n_samples, status_shares, n_batches)
    quality = np.exp(0.1 * person_rng.standard_normal(n_samples, dtype=np.float32))
    causes = _causes(sheet)
    known, null = _known_cpgs(), _draw_null_probes(probe_rng, n_null)

    data = np.empty((n_samples, len(known) + n_null), dtype=np.float32)
    data[:, : len(known)] = _draw_known(smoking_rng, known, sheet, causes, quality, effect_size)
    for start in range(0, n_null, BLOCK):
        block = null.iloc[start : start + BLOCK]
        first = len(known) + start
        data[:, first : first + len(block)] = _draw_null(noise_rng, block, causes, quality)

    cpgs = pd.concat([known, null]) if n_null else known
    frame = pd.DataFrame(data, index=sheet.index, columns=cpgs.index, copy=False)
    if return_X_y:
        return frame, sheet["smoking"]
    return Bunch(data=frame, target=sheet["smoking"], sheet=sheet, cpgs=cpgs, DESCR=DESCR)
