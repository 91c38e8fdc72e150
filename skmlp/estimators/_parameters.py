"""What the classifier and the regressor say alike of their parameters and attributes."""

from __future__ import annotations

import re
from typing import TypeVar

Class = TypeVar("Class", bound=type)

_TEXTS = r"""
    solver : str, Optimizer or sequence of Transform, default="adam"
        How the objective is made small.

        - "adam", "adamw", "rmsprop", "sgd": a step after each minibatch. "adam" is a good choice
          nearly always, "adamw" where weights should shrink at a steady rate (`weight_decay`).
        - "lbfgs": L-BFGS on all rows at once; often best below a few thousand rows.
        - "gd", "rprop": one step an epoch with the gradient of all rows, in its length or by its
          signs alone.
        - a chain of your own, such as ``[ClipNorm(1.0), Adam(), Decay(0.01)]`` of
          :mod:`skmlp.core.optimizers`; it brings its own settings, so the parameters that shape
          a solver's steps below (from `momentum` to `clip_norm`) are not read beside it.
    alpha : float, default=0.0
        Strength of the L2 penalty on the weights, biases excepted; see Notes. It weighs against the
        sum of all rows' losses, whatever the batch size.
    batch_size : int or "auto", default="auto"
        Rows of a minibatch. "auto" is 32 up to 512 rows, where steps are scarce, 64 up to 1024, 128
        up to 8192, 256 up to 32768, and 512 above; 200 where the plain recipe holds. Not for
        "lbfgs", "gd" and "rprop", which take all rows.
    learning_rate : str, Schedule or callable, default="auto"
        How the learning rate moves from `learning_rate_init` on, for every solver but "lbfgs".
        "auto" is "coslog4" in the recipe for ordinary tables, "cosine" otherwise, and "constant" in
        `partial_fit`, which never knows how far it is.

        - "constant".
        - "invscaling": ``learning_rate_init / (1 + e) ** power_t`` in epoch e = 0, 1, ...
        - "adaptive": constant, but divided by 5 whenever `n_iter_no_change` epochs brought no
          improvement; training ends once it has fallen to 1e-6.
        - "cosine": down to 0 along half a cosine, at `max_iter`.
        - "one_cycle": up from 4 % to `learning_rate_init` in the first 30 % of training, then down
          to 0.01 % of it, along cosines. Bears high rates; good for short training.
        - "exponential": down to 1 % of it.
        - "coslog4": four times down from `learning_rate_init` to 0, each time over twice as many
          epochs and from a gentle start: the network settles and is shaken up again. [8]_
        - "flat_cos": constant in the first half, then down to 0 along half a cosine.
        - a callable that takes the progress of training, from 0 to 1, and returns a factor of
          `learning_rate_init`.
    power_t : float, default=0.5
        Exponent of ``learning_rate="invscaling"``.
    max_iter : int or "auto", default="auto"
        Largest number of epochs (passes over the training rows), or of iterations of "lbfgs". The
        schedules that end, "coslog4" for one, end here. "auto" is 140 up to 10,000 rows, and fewer
        above, by the root of their number.
    shuffle : bool, default=True
        Whether to draw the minibatches anew in each epoch. False keeps the order of the rows, and
        then the validation rows are the last ones.
    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the validation split, the shuffles and the dropout. An int
        gives the same result in every call.
    tol : float, default=1e-4
        By how much the training loss, or what early stopping watches, must improve to count. For
        "lbfgs": it stops where no entry of the gradient exceeds this.
    verbose : bool or int, default=False
        True or 1 prints a line for each epoch, with the loss and the time left; 2 draws a progress
        bar where the output is a terminal.
    warm_start : bool, default=False
        Whether `fit` goes on from where the last call ended, with its weights, its optimiser, its
        random stream and its validation split.
    momentum : float, default=0.9
        Share of the last step that is added to the next, between 0 and 1. Only for "sgd".
    nesterovs_momentum : bool, default=True
        Whether momentum looks ahead, as Nesterov's does. Only for "sgd".
    early_stopping : bool or "auto", default="auto"
        Whether to hold rows out, watch them (see `scoring`), stop after `n_iter_no_change` epochs
        without improvement, and return to the weights of the best epoch. "auto" does so from 40
        rows on where each network holds out its own (see `validation_split`), from 1000 rows on
        where one part is held out for all, wherever `fit` is given ``X_val``, and not for wide
        tables. Without it the training loss decides when to stop.
    validation_fraction : float, default=0.1
        Share of the rows that early stopping holds out, unless they are held out in folds.
    beta_1 : float, default=0.9
        Share of the running mean of gradients that each step keeps. Only for "adam", "adamw".
    beta_2 : float, default=0.95
        Share of the running mean of squared gradients that each step keeps. Only for "adam",
        "adamw" and "rmsprop".
    epsilon : float, default=1e-8
        Added to the root of that mean, which it keeps from 0. Only for "adam", "adamw" and
        "rmsprop".
    n_iter_no_change : int or np.inf, default=np.inf
        Epochs in a row without improvement after which training stops. Not for "lbfgs" unless
        rows are watched.
    max_fun : int, default=15000
        Largest number of evaluations of the objective. Only for "lbfgs".
    weight_init : str or Initializer, default="auto"
        What draws the initial weights. "data" scales the weights of each unit so that its sums vary
        by 1 over the training rows, and draws its bias such that it changes sign among them. [8]_
        "narrow" draws those of the hidden layers within a third of Glorot's bound and those of the
        output close to zero, so that the network starts as the best constant. "sklearn" draws
        weights and biases as scikit-learn does, by Glorot & Bengio's bound; others are
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform" and
        "lecun_normal", all with biases of 0. "auto" is "data" in the recipe for ordinary tables,
        else "sklearn".
    input_dropout : float, default=0.0
        Probability with which each number of a row is hidden in a training step. For wide tables
        whose columns tell much the same, such as CpGs: the network learns to do without any one of
        them. 0.2 is usual. Where inputs are embedded, what is hidden are the embedded ones. Not
        for "lbfgs".
    normalization : {"batch", "layer"} or None, default=None
        What each hidden layer's sums pass before the activation. Helps deep networks.
    l1 : float or "auto", default="auto"
        Strength of the L1 penalty on the weights; divided as `alpha` is. "auto" is 0.21 (of
        the regressor 0.125) times the root of the number of rows where the table has more than 3
        columns a row, which keeps the weights of idle columns at rest, and 0 otherwise.
    max_norm : float or None, default=None
        Largest length of a unit's vector of incoming weights; longer ones are shortened after each
        step. Goes well with dropout and high learning rates. Not for "lbfgs".
    clip_norm : float or None, default=None
        Largest length of the gradient; a longer one is shortened. 1.0 tames most training that
        diverges. Not for "lbfgs".
    warmup : float, default=0.0
        Share of training during which the learning rate climbs, along a straight line, from 0 to
        where the schedule has it. Not for "lbfgs".
    scoring : str, callable or None, default=None
        What early stopping watches on the rows held out: their "loss"; a scorer, by scikit-learn's
        name or of your own; None for this estimator's `score`.
    on_divergence : {"raise", "backoff"}, default="raise"
        What to do when the loss runs away: end with a ValueError that advises, or return to the
        last good epoch and go on with a tenth of the learning rate, up to eight times.
    dtype : "auto", "float32", "float64", dtype or None, default="auto"
        Arithmetic. "auto" is float64 while X has fewer than 5,000 values and for "lbfgs", and
        float32, which is about twice as fast, above. None takes that of X.
    max_one_hot : int or None, default=8
        A category column with more categories than this gets an embedding: a vector for each
        category, learnt with the network. One with fewer, or all where None, becomes 0/1 columns. A
        category that `fit` has not seen counts as missing.
    embedding_dim : int, default=8
        Length of these vectors.
    input_scaling : bool or "auto", default="auto"
        Whether every input has a learnt factor in front, which lets the network turn columns down.
        Helps where some columns are noise. Not for sparse X. "auto": in the recipe for ordinary
        tables; see Notes.
    parametrization : {"standard", "ntk"} or "auto", default="auto"
        "ntk" gives weights with n inputs √(64 / n) times the learning rate (64 / n times for
        "sgd" and "gd"): the steps of the neural tangent parametrisation, with which layers of all
        widths learn at one pace. Helps where few columns meet wide layers.
    learning_rate_factors : dict, None or "auto", default="auto"
        Factors of the learning rate by what a parameter is: "weight", "bias", "scale" (of the
        inputs, or of a normalization), "activation", "embedding" (of categories),
        "embedding_numeric" or "member" (of `weight_sharing`). "auto" with "ntk" is 0.8 but for
        "weight" 1, "embedding" 8 and "scale" 48.
    dropout_schedule, weight_decay_schedule : str, Schedule or callable, default="flat_cos"
        Factor of both dropouts and of `weight_decay` in the course of training, named as in
        `learning_rate`. "flat_cos" lets them fade in the second half.
    averaging : float in (0, 1), None or "auto", default="auto"
        Share that a running average of the weights keeps at each step; that average is what is
        watched and returned. It smooths out the noise of the last batches. "auto" is 0.99 in the
        recipe for ordinary tables. Not for "lbfgs".
    n_estimators : int or "auto", default="auto"
        Number of networks, trained together with streams of their own, whose predictions are
        averaged: probabilities, or outputs. "auto" is 4 in the recipe for ordinary tables, else 1.
    joint_best_epoch : bool, default=True
        Whether all networks return to the epoch that was best for their averaged prediction (or
        on average, with folds), instead of each to its own best.
    max_time : float or None, default=None
        Seconds after which training ends, at the end of an epoch, with the best weights so far.
    recipe : {"default", "best"}, default="default"
        What "auto" stands for in ordinary tables, see Notes: "best" takes four to five times as
        long.
    conventions : {"skmlp", "sklearn"}, default="skmlp"
        "sklearn" keeps scikit-learn's definitions in the places where the course of training hangs
        on them; :data:`skmlp.SKLEARN_DEFAULTS` sets it. See :doc:`/user_guide`.
    callbacks : sequence of Callback or None, default=None
        Objects of :class:`skmlp.core.training.Callback`, told of each step and epoch.
    best_loss_ : float or None
        Lowest training loss of an epoch; None where held-out rows were watched instead.
    best_validation_score_ : float or None
        Best of `validation_scores_`.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer, as views: what you write into them, the network uses. They act on
        standardised inputs, or embedded ones, and count learnt scales of the inputs in.
        AttributeError where there are several networks, or where `normalization` adds layers.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any.
    history_ : list of dict
        One for each epoch, for ``pandas.DataFrame(model.history_)``: "epoch", "train_loss" (mean
        over the epoch's batches, with penalty), "learning_rate", "seconds", and, where rows were
        watched, "validation_loss" (without penalty) and "validation_score" (unless
        ``scoring="loss"``).
    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each layer, as views.
    loss_ : float
        Objective of the returned weights over the training rows; after `partial_fit`, and where
        ``conventions="sklearn"``, the "train_loss" of the last epoch.
    loss_curve_ : list of float
        The "train_loss" of each epoch.
    n_features_in_ : int
        Number of columns of X.
    n_iter_ : int
        Epochs of the last call.
    n_layers_ : int
        Number of layers, counting input and output.
    chosen_ : list of int or None
        Numbers of the networks that are averaged where ``pack=True``, some of them more than once.
    networks_ : Network
        The networks themselves: row k of ``networks_.theta`` (K, P) holds all parameters of network
        k, and ``networks_.layout`` says where in a row each of them stands.
    t_ : int
        Training rows seen, counted again in every epoch; 0 for "lbfgs".
    validation_scores_ : list of float or None
        Score of the watched rows after each epoch, for ``scoring="loss"`` minus their loss; None
        where none were watched.
"""

#: An entry by its first name: a line that is indented by four, and all behind it up to the next.
_ENTRIES = {
    entry.split()[0].rstrip(","): entry.rstrip("\n")
    for entry in re.split(r"^(?=    \S)", _TEXTS, flags=re.M)[1:]
}


def documented(estimator: Class) -> Class:
    """Put the shared entries where a class's docstring has their names in braces."""
    if estimator.__doc__:  # which python -OO takes away
        estimator.__doc__ = re.sub(
            r"^    \{(\w+)\}$", lambda m: _ENTRIES[m[1]], estimator.__doc__, flags=re.M
        )
    return estimator
