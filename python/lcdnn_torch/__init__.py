"""Trains the joint networks of lcdnn with PyTorch: one more reader of the layer list.

`lcdnn train --engine pytorch` hands over a job (see `job.py`) and reads what `report.py` prints.
"""
