"""Neural networks for tables, the scikit-learn way."""
