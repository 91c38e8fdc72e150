"""What our defaults reach on people; run with -m quality."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import (
    KFold,
    RepeatedStratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline

from skmlp import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.quality


def test_ever_smoking_from_a_450k_array(shared_data):
    # GEO GSE50660; on the same folds AHRR alone gives 0.843, L1 logistic regression 0.872.
    table = pd.read_csv(shared_data("methylation/gse50660_blood450k_ever_smoking.csv.gz"))
    X = table.drop(columns=["sample_id", "ever_smoker"]).astype(np.float32)
    model = make_pipeline(SimpleImputer(strategy="median"), MLPClassifier(random_state=0))
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=0)
    auc = cross_val_score(model, X, table["ever_smoker"], cv=folds, scoring="roc_auc")
    print(f"AUC {auc.mean():.4f}")
    assert auc.mean() >= 0.85


def test_age_from_71_cpgs(shared_data):
    # Ridge regression gives 2.45 years, scikit-learn's network on scaled columns 2.07.
    table = pd.read_csv(shared_data("methylation/gpage_blood_cpg71_age.csv.gz"))
    table = table.select_dtypes("number")
    X, y = table.iloc[:, :-1].astype(np.float32), table.iloc[:, -1].to_numpy()
    model = make_pipeline(SimpleImputer(strategy="median"), MLPRegressor(random_state=0))
    folds = KFold(5, shuffle=True, random_state=0)
    error = np.median(np.abs(cross_val_predict(model, X, y, cv=folds) - y))
    print(f"median absolute error {error:.3f} years")
    assert error <= 2.05
