"""The confusion matrix of 500 pairs of label maps in memory; "memory" only reads them."""

from tools import pixels
from workloads import Workload

WORKLOADS = [
    Workload(
        name="semantic-confusion",
        about="500 label maps of 1024 x 2048, 19 classes, in memory",
        data="semantic",
        make=pixels.make_label_maps,
        entrants=pixels.label_entrants,
        reference="numpy",
        in_memory=True,
        table="pixels",
    )
]
