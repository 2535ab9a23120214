"""PCB with 3 parts on DukeMTMC-reID (P-DARTS Table 5).

Its authors withdrew DukeMTMC-reID: this runs on a local copy only.
"""

_base_ = ["_base_/pcb.py"]
dataset = "dukemtmcreid"
parts = 3
expected = {"train images": 16522, "query images": 2228, "gallery images": 17661}
