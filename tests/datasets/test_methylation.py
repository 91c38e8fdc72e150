import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, ttest_ind
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from skmlp.datasets import make_methylation
from skmlp.datasets._methylation import CELLS, STATUS

AHRR = "cg05575921"
KNOWN = 65


@pytest.fixture(scope="module")
def cohort():
    return make_methylation(n_samples=12_000, n_null=40, random_state=0)


def shift(cohort, status):
    """Mean shift of a status against never smokers, at equal blood cells, per CpG."""
    rows = cohort.target.isin(["never", status]).to_numpy()
    sheet = cohort.sheet[rows]
    causes = np.column_stack([sheet["smoking"] == status, sheet[list(CELLS[:-1])]])
    model = LinearRegression().fit(causes, cohort.data[rows])
    return pd.Series(model.coef_[:, 0], cohort.data.columns)


def test_the_tables_fit_together():
    cohort = make_methylation(n_samples=37, n_null=11, random_state=0)
    data, sheet, cpgs = cohort.data, cohort.sheet, cohort.cpgs
    assert data.shape == (37, KNOWN + 11)
    assert set(data.dtypes) == {np.dtype("float32")}
    assert data.index.equals(sheet.index) and data.columns.equals(cpgs.index)
    assert data.index.is_unique and data.columns.is_unique
    pd.testing.assert_series_equal(cohort.target, sheet["smoking"])
    assert "Joehanes" in cohort.DESCR


def test_beta_values_lie_between_0_and_1(cohort):
    assert cohort.data.min().min() > 0
    assert cohort.data.max().max() < 1


def test_the_sheet_makes_sense(cohort):
    sheet = cohort.sheet
    never, former, current = (sheet[sheet["smoking"] == status] for status in STATUS)
    assert list(sheet["smoking"].cat.categories) == list(STATUS) and sheet["smoking"].cat.ordered
    assert (len(never), len(former), len(current)) == (4800, 4200, 3000)
    np.testing.assert_allclose(sheet[list(CELLS)].sum(axis=1), 1)
    assert (sheet[list(CELLS)] > 0).all(axis=None)
    assert sheet["age"].between(18, 85).all()
    assert (never["pack_years"] == 0).all() and never["years_since_quitting"].isna().all()
    assert (current["years_since_quitting"] == 0).all()
    assert (former["years_since_quitting"] <= former["age"] - 17 + 0.5).all()
    assert 20 < current["pack_years"].mean() < 30
    assert current["Gran"].mean() - never["Gran"].mean() == pytest.approx(0.02, abs=0.005)


@pytest.mark.parametrize("seed", [0, 7])
def test_an_int_seed_fixes_everything(seed):
    first, again = (make_methylation(50, 30, random_state=seed) for _ in range(2))
    pd.testing.assert_frame_equal(first.data, again.data)
    pd.testing.assert_frame_equal(first.sheet, again.sheet)
    pd.testing.assert_frame_equal(first.cpgs, again.cpgs)
    other = make_methylation(50, 30, random_state=seed + 1)
    assert not first.data.equals(other.data)


def test_null_probes_leave_the_rest_alone():
    few, many = (make_methylation(50, n_null, random_state=3) for n_null in (0, 5000))
    pd.testing.assert_frame_equal(few.sheet, many.sheet)
    pd.testing.assert_frame_equal(few.data, many.data.iloc[:, :KNOWN])


def test_a_random_state_instance_moves_on():
    random_state = np.random.RandomState(0)
    first, second = (make_methylation(20, 0, random_state=random_state) for _ in range(2))
    assert not first.data.equals(second.data)
    pd.testing.assert_frame_equal(first.data, make_methylation(20, 0, random_state=0).data)


def test_return_X_y():
    X, y = make_methylation(30, 5, return_X_y=True, random_state=0)
    cohort = make_methylation(30, 5, random_state=0)
    pd.testing.assert_frame_equal(X, cohort.data)
    pd.testing.assert_series_equal(y, cohort.target)


def test_published_shifts_of_AHRR_come_back(cohort):
    assert shift(cohort, "current")[AHRR] == pytest.approx(-0.180, abs=0.01)
    assert shift(cohort, "former")[AHRR] == pytest.approx(-0.041, abs=0.01)


@pytest.mark.parametrize("status", ["current", "former"])
def test_published_shifts_come_back(cohort, status):
    known = cohort.cpgs.index[:KNOWN]
    error = shift(cohort, status)[known] - cohort.cpgs.loc[known, status]
    assert error.abs().max() < 0.016
    assert error.abs().mean() < 0.004


def test_typical_levels_come_back(cohort):
    never = cohort.data[cohort.target == "never"].iloc[:, :KNOWN]
    known = cohort.cpgs.iloc[:KNOWN]
    np.testing.assert_allclose(never.mean(), known["mean_beta"], atol=0.03)
    np.testing.assert_allclose(never.std(), known["sd_beta"], rtol=0.25)


def test_AHRR_tells_smokers_as_well_as_in_real_cohorts(cohort):
    asked = cohort.target != "former"
    auc = roc_auc_score(cohort.target[asked] == "current", -cohort.data.loc[asked, AHRR])
    assert 0.92 < auc < 0.97


def test_more_pack_years_move_further_and_quitting_heals(cohort):
    sheet, beta = cohort.sheet, cohort.data[AHRR]
    current, former = sheet["smoking"] == "current", sheet["smoking"] == "former"
    assert beta[current].corr(sheet.loc[current, "pack_years"], "spearman") < -0.2
    assert beta[former].corr(sheet.loc[former, "years_since_quitting"], "spearman") > 0.2


def test_sites_of_a_gene_move_together(cohort):
    never = cohort.data[cohort.target == "never"]
    gene = cohort.cpgs["gene"]
    within = never[gene.index[gene == "2q37.1"]].corr().to_numpy()
    across = never[[AHRR, "cg03636183", "cg06126421"]].corr().to_numpy()
    assert within[np.triu_indices_from(within, 1)].mean() > 0.3
    assert np.abs(across[np.triu_indices_from(across, 1)]).max() < 0.2


def test_null_probes_are_null():
    cohort = make_methylation(n_samples=1000, n_null=2000, random_state=0)
    asleep = (cohort.cpgs["kind"] == "plain").to_numpy()
    never, current = (cohort.data.loc[cohort.target == s, asleep] for s in ("never", "current"))
    assert kstest(ttest_ind(never, current).pvalue, "uniform").pvalue > 0.001


def test_causes_move_their_null_probes():
    cohort = make_methylation(n_samples=1000, n_null=500, random_state=0)
    by_kind = cohort.cpgs["kind"].groupby(cohort.cpgs["kind"]).groups
    for kind, cause in (
        ("age", cohort.sheet["age"]),
        ("sex", cohort.sheet["sex"].cat.codes),
        ("cell", cohort.sheet["Gran"]),
        ("batch", cohort.sheet["batch"].cat.codes == 0),
    ):
        strength = cohort.data.corrwith(cause.astype(float)).abs()
        assert strength[by_kind[kind]].mean() > 0.3
        assert strength[by_kind["plain"]].mean() < 0.05


def test_null_probes_are_bimodal():
    mean = make_methylation(10, 3000, random_state=0).cpgs["mean_beta"].iloc[KNOWN:]
    assert 0.3 < (mean < 0.25).mean() < 0.6
    assert 0.3 < (mean > 0.65).mean() < 0.6


def test_without_effect_smoking_leaves_no_mark():
    cohort = make_methylation(4000, 0, effect_size=0, random_state=0)
    assert shift(cohort, "current").abs().max() < 0.02
    assert abs(shift(cohort, "current")[AHRR]) < 0.006


def test_shares_of_status_and_batches():
    sheet = make_methylation(200, 0, status_shares=(0.5, 0, 0.5), n_batches=7, random_state=0).sheet
    assert sheet["smoking"].value_counts()[list(STATUS)].to_list() == [100, 0, 100]
    assert sheet["batch"].nunique() == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 9}, "n_samples=9.*at least 10"),
        ({"n_samples": 100.0}, "n_samples=100.0.*integer"),
        ({"n_null": -1}, "n_null=-1.*at least 0"),
        ({"n_batches": 0}, "n_batches=0.*at least 1"),
        ({"n_batches": True}, "n_batches=True.*integer"),
        ({"status_shares": (0.5, 0.5)}, "status_shares=.*three numbers"),
        ({"status_shares": (0.5, 0.5, 0.5)}, "status_shares=.*sum to 1"),
        ({"status_shares": (1.5, 0.0, -0.5)}, "status_shares=.*at least 0"),
        ({"status_shares": "even"}, "status_shares='even'.*three numbers"),
        ({"effect_size": -1}, "effect_size=-1.*at least 0"),
        ({"effect_size": np.inf}, "effect_size=inf.*finite"),
    ],
)
def test_wrong_arguments_are_told(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_methylation(**arguments)
