"""Re-identification: any architecture as the backbone of PCB, trained by torchreid, scored by rank-1 and mAP.

Sun et al., Beyond Part Models: Person Retrieval with Refined Part Pooling, ECCV 2018; P-DARTS 5.4.2 and Table 5.
torchreid is imported through `bench.reid.torchreid_compat` only, by `bench.reid.task.ReidTask` when it runs.
"""
