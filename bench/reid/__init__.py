"""Re-identification: any genotype as the backbone of PCB, trained and read by torchreid, scored by rank-1 and mAP.

Sun et al., Beyond Part Models: Person Retrieval with Refined Part Pooling, ECCV 2018; P-DARTS 5.4.2 and Table 5.
Only `bench.reid.data` and `bench.reid.engine` import torchreid; `bench.reid.task.ReidTask` imports them when it runs.
"""
