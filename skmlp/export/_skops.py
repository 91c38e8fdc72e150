"""What a file kept with skops may hold."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit

#: Classes of other libraries whose heirs hold a model's state.
_STATEFUL = {
    "sklearn": (BaseEstimator, BaseCrossValidator, BaseShuffleSplit),
    "numpy": (np.generic, np.dtype),
}


def trusted_types(file: Any) -> list[str]:
    """Return the types in a file of skops that are to be trusted, or refuse the file.

    ``skops.io.dump`` writes a fitted model without code, and ``skops.io.load`` makes only what it
    knows or is told to trust. It knows scikit-learn's estimators; of this package a model holds one
    or two dozen types:

    - the estimators and transformers themselves, their settings, their scales and their columns;
    - of `skmlp.core` the network, its layers, activations, initialisation, loss and schedules, and
      after ``partial_fit`` or with ``warm_start`` the state of the training;
    - ``numpy.dtype``.

    Splitters of scikit-learn among the parameters are trusted as well. Of a search keep
    ``best_estimator_``: its other results may hold functions.

    Parameters
    ----------
    file : str or path
        File of ``skops.io.dump``.

    Returns
    -------
    list of str
        Names of the types, for ``skops.io.load(file, trusted=...)``.

    Raises
    ------
    ImportError
        If skops is not installed: ``pip install "skmlp[persist]"``.
    ValueError
        If the file holds something else, such as a class of one's own; its message names that.

    Examples
    --------
    >>> import skops.io  # doctest: +SKIP
    >>> skops.io.dump(clf, "model.skops")  # doctest: +SKIP
    >>> skops.io.load("model.skops", trusted=trusted_types("model.skops"))  # doctest: +SKIP
    MLPClassifier()
    """
    try:
        import skops.io
    except ImportError as error:
        raise ImportError(
            'Models are kept with skops, which is not installed: pip install "skmlp[persist]"'
        ) from error
    found = skops.io.get_untrusted_types(file=file)
    strange = [name for name in found if not is_trusted(name)]
    if strange:
        raise ValueError(
            f"Got {file} with {strange}, but expected only what models of skmlp hold. If you know "
            "the file, import what these are part of, look at them, and pass their names to "
            "skops.io.load beside the others."
        )
    return found


def is_trusted(name: str) -> bool:
    """Say whether a file may bring in the thing of this dotted name.

    Only classes do, and only such as hold a model's state: ours, estimators and splitters of
    scikit-learn, numbers and dtypes of NumPy. A library's name alone is no warrant, for
    NumPy has functions that run any text they are given. Nothing is imported to find out.

    Examples
    --------
    >>> is_trusted("numpy.dtype"), is_trusted("os.system")
    (True, False)
    """
    module, _, attribute = name.rpartition(".")
    found = getattr(sys.modules.get(module), attribute, None)
    if not isinstance(found, type):
        return False
    if module.startswith("skmlp."):
        return found.__module__ == module
    house = module.split(".")[0]
    return issubclass(found, _STATEFUL.get(house, ()))
