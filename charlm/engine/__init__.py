"""The autodiff engine: lazy graphs, ops, recurrent cells, parameters and trainers. It knows nothing of text."""
