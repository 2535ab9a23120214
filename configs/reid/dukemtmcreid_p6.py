"""PCB with 6 parts on DukeMTMC-reID (P-DARTS Table 5)."""

_base_ = ["dukemtmcreid_p1.py"]
parts = 6
