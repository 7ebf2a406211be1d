"""The search for better settings of a run: proposals by Optuna, short trainings, and fresh scores of the best."""
