"""A pipeline: search, choose, retrain, transfer, tables; each stage is found done, is run, or is resumed."""
