"""How good a pose network is, on labelled photos: `fpn evaluate`.

conventions   what the labels of each data set mean
dataset       labelled faces out of the folders of data sets (biwi, matlab: their files)
evaluation    every face through the network
scores        errors and their means
intervals     how far means move with other faces
risk_coverage whether confidence knows of the errors
stress        the same faces with worse photos
report        a table, a picture
"""

from pipeline.evaluate.dataset import Dataset, Sample, read_dataset
from pipeline.evaluate.errors import DatasetError
from pipeline.evaluate.evaluation import Evaluation, crops_of, evaluate
from pipeline.evaluate.report import plot, table
from pipeline.evaluate.stress import stress, stress_table

__all__ = [
    "Dataset",
    "DatasetError",
    "Evaluation",
    "Sample",
    "crops_of",
    "evaluate",
    "plot",
    "read_dataset",
    "stress",
    "stress_table",
    "table",
]
