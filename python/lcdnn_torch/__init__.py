"""Trains the joint networks of lcdnn with PyTorch, from the same layer lists.

`lcdnn train --engine pytorch` hands over a job (see `job.py`) and reads what `report.py` prints.
"""
