"""Re-identification: any genotype as the backbone of PCB, trained and read by torchreid, scored by rank-1 and mAP.

Sun et al., Beyond Part Models: Person Retrieval with Refined Part Pooling, ECCV 2018; P-DARTS 5.4.2 and Table 5.
Only what needs it imports torchreid, all through `bench.reid.torchreid_compat`; `bench.reid.task.ReidTask` does so when
it runs.
"""
