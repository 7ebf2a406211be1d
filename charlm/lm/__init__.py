"""Language models: texts, the model, training, sampling, comparison and files. No printing here."""
