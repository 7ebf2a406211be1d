"""What people see of a run while it trains and afterwards: its status, plots, TensorBoard files."""
