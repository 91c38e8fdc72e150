"""Networks and their training; knows no scikit-learn, no pandas, no files."""
